// @ts-check
/**
 * Formats and checks the numbers of bank accounts.
 */

import { digitsOf } from "./elements-card.js";

/** @import { Problem } from './elements-card.js' */

/** @param {string} text */
export const formatSortCode = (text) =>
  (
    digitsOf(text)
      .slice(0, 6)
      .match(/\d{1,2}/g) ?? []
  ).join("-");

/**
 * Returns a check that a number has this many digits; longer input is cut before.
 *
 * @param {string} name  as in the code: "sort_code"
 * @param {number} digits
 * @returns {(text: string) => Problem | null}
 */
export const hasDigits = (name, digits) => (text) =>
  digitsOf(text).length >= digits
    ? null
    : { code: `incomplete_${name}`, message: `Your ${name.replace("_", " ")} is incomplete.` };

/**
 * The check digit of an American Bankers Association routing number.
 *
 * @param {string} text
 * @returns {Problem | null}
 */
export const checkRoutingNumber = (text) => {
  const number = digitsOf(text);
  if (number.length < 9) return hasDigits("routing_number", 9)(number);
  const sum = [...number].reduce(
    (total, digit, place) => total + Number(digit) * [3, 7, 1][place % 3],
    0,
  );
  return sum % 10 === 0
    ? null
    : { code: "invalid_routing_number", message: "Your routing number is invalid." };
};

/** @param {string} text */
const compactIban = (text) => text.replace(/[^0-9a-z]/gi, "").toUpperCase();

/** @param {string} text */
export const formatIban = (text) =>
  (
    compactIban(text)
      .slice(0, 34)
      .match(/.{1,4}/g) ?? []
  ).join(" ");

/**
 * The check digits of ISO 13616: letters count from 10, the whole is 1 modulo 97.
 *
 * @param {string} text
 * @returns {Problem | null}
 */
export const checkIban = (text) => {
  const iban = compactIban(text);
  if (iban.length < 15)
    return { code: "incomplete_iban", message: "The IBAN you entered is incomplete." };
  const digits = (iban.slice(4) + iban.slice(0, 4)).replace(/[A-Z]/g, (letter) =>
    String(parseInt(letter, 36)),
  );
  return /^[A-Z]{2}\d{2}/.test(iban) && BigInt(digits) % 97n === 1n
    ? null
    : { code: "invalid_iban", message: "The IBAN you entered is invalid." };
};

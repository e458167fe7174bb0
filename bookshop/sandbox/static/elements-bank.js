// @ts-check
/**
 * Bank accounts: how their numbers are written and what is wrong with them.
 */

import { digitsOf } from "./elements-card.js";

/** @import { Problem } from './elements-card.js' */

/** @param {string} typed */
export const formatSortCode = (typed) =>
  (
    digitsOf(typed)
      .slice(0, 6)
      .match(/\d{1,2}/g) ?? []
  ).join("-");

/**
 * A check that a number has at least (and being cut, at most) so many digits.
 *
 * @param {string} name  as in the code: "sort_code"
 * @param {number} digits
 * @returns {(typed: string) => Problem | null}
 */
export const hasDigits = (name, digits) => (typed) =>
  digitsOf(typed).length >= digits
    ? null
    : { code: `incomplete_${name}`, message: `Your ${name.replace("_", " ")} is incomplete.` };

/**
 * The check digit of an American Bankers Association routing number.
 *
 * @param {string} typed
 * @returns {Problem | null}
 */
export const checkRoutingNumber = (typed) => {
  const number = digitsOf(typed);
  if (number.length < 9) return hasDigits("routing_number", 9)(number);
  const sum = [...number].reduce(
    (total, digit, place) => total + Number(digit) * [3, 7, 1][place % 3],
    0,
  );
  return sum % 10 === 0
    ? null
    : { code: "invalid_routing_number", message: "Your routing number is invalid." };
};

/** @param {string} typed */
const compactIban = (typed) => typed.replace(/[^0-9a-z]/gi, "").toUpperCase();

/** @param {string} typed */
export const formatIban = (typed) =>
  (
    compactIban(typed)
      .slice(0, 34)
      .match(/.{1,4}/g) ?? []
  ).join(" ");

/**
 * The check digits of ISO 13616: letters count from 10, the whole is 1 modulo 97.
 *
 * @param {string} typed
 * @returns {Problem | null}
 */
export const checkIban = (typed) => {
  const iban = compactIban(typed);
  if (iban.length < 15)
    return { code: "incomplete_iban", message: "The IBAN you entered is incomplete." };
  const digits = (iban.slice(4) + iban.slice(0, 4)).replace(/[A-Z]/g, (letter) =>
    String(parseInt(letter, 36)),
  );
  return /^[A-Z]{2}\d{2}/.test(iban) && BigInt(digits) % 97n === 1n
    ? null
    : { code: "invalid_iban", message: "The IBAN you entered is invalid." };
};

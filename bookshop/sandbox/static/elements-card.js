// @ts-check
/**
 * Formats and checks card numbers, expiry dates and security codes.
 *
 * The codes and sentences are those of Stripe's Payment Element. Values are digits without spaces
 * unless a function's name says otherwise.
 */

/** @typedef {{code: string, message: string}} Problem */
/**
 * @typedef {{
 *   name: string,
 *   label: string,
 *   prefix: RegExp,
 *   lengths: readonly number[],
 *   groups: readonly number[],
 *   cvc: number,
 * }} Brand
 */

const FOURS = [4, 4, 4, 4, 3];

/** @type {readonly Brand[]} */
const BRANDS = [
  { name: "visa", label: "Visa", prefix: /^4/, lengths: [16], groups: FOURS, cvc: 3 },
  {
    name: "mastercard",
    label: "Mastercard",
    prefix: /^(5[1-5]|22(2[1-9]|[3-9])|2[3-6]|27([01]|20))/,
    lengths: [16],
    groups: FOURS,
    cvc: 3,
  },
  { name: "amex", label: "Amex", prefix: /^3[47]/, lengths: [15], groups: [4, 6, 5], cvc: 4 },
  {
    name: "discover",
    label: "Discover",
    prefix: /^6(011|4[4-9]|5)/,
    lengths: [16],
    groups: FOURS,
    cvc: 3,
  },
  {
    name: "diners",
    label: "Diners",
    prefix: /^3(0[0-5]|[689])/,
    lengths: [14, 16],
    groups: [4, 6, 4],
    cvc: 3,
  },
  { name: "jcb", label: "JCB", prefix: /^35/, lengths: [16], groups: FOURS, cvc: 3 },
  {
    name: "unionpay",
    label: "UnionPay",
    prefix: /^(62|81)/,
    lengths: [16, 17, 18, 19],
    groups: FOURS,
    cvc: 3,
  },
];

/** @type {Brand} */
const UNKNOWN = { name: "unknown", label: "", prefix: /^/, lengths: [16], groups: FOURS, cvc: 4 };

/**
 * @param {string} value
 * @returns {string}
 */
export const digitsOf = (value) => value.replace(/\D/g, "");

/**
 * @param {string} number
 * @returns {Brand}
 */
export const brandOf = (number) => BRANDS.find(({ prefix }) => prefix.test(number)) ?? UNKNOWN;

/** @param {Brand} brand */
const longest = ({ lengths }) => Math.max(...lengths);

/** @param {string} text */
export const isFullNumber = (text) => digitsOf(text).length === longest(brandOf(digitsOf(text)));

/**
 * @param {string} text
 * @returns {string} the number in its brand's groups
 */
export const formatNumber = (text) => {
  const brand = brandOf(digitsOf(text));
  const digits = digitsOf(text).slice(0, longest(brand));
  let start = 0;
  const groups = brand.groups.map((size) => digits.slice(start, (start += size)));
  return groups.filter(Boolean).join(" ");
};

/**
 * The check digit of ISO/IEC 7812-1.
 *
 * @param {string} number
 */
export const passesLuhn = (number) => {
  const sum = [...number].reverse().reduce((total, digit, place) => {
    const doubled = Number(digit) * (place % 2 ? 2 : 1);
    return total + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return sum % 10 === 0;
};

/**
 * @param {string} text
 * @returns {Problem | null}
 */
export const checkNumber = (text) => {
  const number = digitsOf(text);
  const brand = brandOf(number);
  if (!brand.lengths.includes(number.length)) {
    return { code: "incomplete_number", message: "Your card number is incomplete." };
  }
  if (brand === UNKNOWN || !passesLuhn(number)) {
    return { code: "incorrect_number", message: "Your card number is invalid." };
  }
  return null;
};

/**
 * @param {string} text  "1230", "12/30", "12 / 2030", or "3" which can only be March
 * @returns {string} "12 / 30"
 */
export const formatExpiry = (text) => {
  const [before = "", after] = text.split("/", 2).map(digitsOf);
  const single = before.length === 1 && (after !== undefined || Number(before) > 1);
  const digits = (single ? `0${before}` : before) + (after ?? "");
  const month = digits.slice(0, 2);
  const year = digits.slice(2);
  const short = year.length >= 4 && year.startsWith("20") ? year.slice(2, 4) : year.slice(0, 2);
  // A year of four digits is being typed: let it grow until it can be shortened.
  const shown = year.startsWith("20") && year.length === 3 ? year : short;
  return month.length < 2 ? month : `${month} / ${shown}`;
};

/**
 * @param {string} text
 * @returns {{month: number, year: number} | null} null as long as it is incomplete
 */
export const parseExpiry = (text) => {
  const digits = digitsOf(text);
  if (digits.length !== 4) return null;
  return { month: Number(digits.slice(0, 2)), year: 2000 + Number(digits.slice(2)) };
};

/**
 * @param {string} text
 * @param {Date} today
 * @returns {Problem | null}
 */
export const checkExpiry = (text, today) => {
  const expiry = parseExpiry(text);
  if (!expiry) {
    return { code: "incomplete_expiry", message: "Your card's expiration date is incomplete." };
  }
  const { month, year } = expiry;
  if (month < 1 || month > 12) {
    return { code: "invalid_expiry_month", message: "Your card's expiration date is invalid." };
  }
  if (year < today.getFullYear()) {
    return {
      code: "invalid_expiry_year_past",
      message: "Your card's expiration year is in the past.",
    };
  }
  if (year > today.getFullYear() + 50) {
    return { code: "invalid_expiry_year", message: "Your card's expiration year is invalid." };
  }
  if (year === today.getFullYear() && month <= today.getMonth()) {
    return {
      code: "invalid_expiry_month_past",
      message: "Your card's expiration date is in the past.",
    };
  }
  return null;
};

/**
 * @param {string} text
 * @param {string} number  the card's, which decides how long the code is
 * @returns {Problem | null}
 */
export const checkCvc = (text, number) => {
  const brand = brandOf(digitsOf(number));
  const { length } = digitsOf(text);
  const complete = brand === UNKNOWN ? length >= 3 : length === brand.cvc;
  return complete
    ? null
    : { code: "incomplete_cvc", message: "Your card's security code is incomplete." };
};

/**
 * @param {string} text
 * @param {string} number
 */
export const formatCvc = (text, number) => digitsOf(text).slice(0, brandOf(digitsOf(number)).cvc);

// @ts-check
/**
 * The payment methods that the sandbox's Payment Element offers, and the fields of each.
 */

import {
  checkIban,
  checkRoutingNumber,
  formatIban,
  formatSortCode,
  hasDigits,
} from "./elements-bank.js";
import {
  checkCvc,
  checkExpiry,
  checkNumber,
  digitsOf,
  formatCvc,
  formatExpiry,
  formatNumber,
  isFullNumber,
  parseExpiry,
} from "./elements-card.js";

/** @import { Problem } from './elements-card.js' */
/** @typedef {(name: string) => string} Values  returns the text in the method's field of that name */

/**
 * `format` returns the text as it should look; `check` returns its problem; `isFull` is true if the
 * text is complete, so that the focus moves to the next field; `parameters` are those of a
 * confirmation.
 *
 * @typedef {{
 *   name: string,
 *   label: string,
 *   placeholder?: string,
 *   autocomplete: string,
 *   inputMode?: 'numeric' | 'email',
 *   width?: 'half',
 *   format: (text: string, values: Values) => string,
 *   check: (text: string, values: Values) => Problem | null,
 *   isFull?: (text: string) => boolean,
 *   parameters: (text: string) => Record<string, string>,
 * }} FieldKind
 *
 * @typedef {{label: string, fields: FieldKind[], hint: string}} Method
 */

/**
 * The name of a parameter of a confirmation: `payment_method_data[card][cvc]`.
 *
 * @param {string[]} path
 */
const data = (...path) => `payment_method_data[${path.join("][")}]`;

/** @param {string} text */
const unchanged = (text) => text;

/** @type {FieldKind[]} */
const CARD_FIELDS = [
  {
    name: "number",
    label: "Card number",
    placeholder: "1234 1234 1234 1234",
    autocomplete: "cc-number",
    inputMode: "numeric",
    format: formatNumber,
    check: checkNumber,
    isFull: isFullNumber,
    parameters: (text) => ({ [data("card", "number")]: digitsOf(text) }),
  },
  {
    name: "expiry",
    label: "Expiration date",
    placeholder: "MM / YY",
    autocomplete: "cc-exp",
    inputMode: "numeric",
    width: "half",
    format: formatExpiry,
    check: (text) => checkExpiry(text, new Date()),
    isFull: (text) => parseExpiry(text) !== null,
    parameters: (text) => {
      const { month, year } = parseExpiry(text) ?? { month: 0, year: 0 };
      return {
        [data("card", "exp_month")]: String(month),
        [data("card", "exp_year")]: String(year),
      };
    },
  },
  {
    name: "cvc",
    label: "Security code",
    placeholder: "CVC",
    autocomplete: "cc-csc",
    inputMode: "numeric",
    width: "half",
    format: (text, values) => formatCvc(text, values("number")),
    check: (text, values) => checkCvc(text, values("number")),
    parameters: (text) => ({ [data("card", "cvc")]: digitsOf(text) }),
  },
];

/** The holder of a bank account; a debit needs both fields. @type {FieldKind[]} */
const HOLDER_FIELDS = [
  {
    name: "name",
    label: "Full name",
    autocomplete: "name",
    format: unchanged,
    check: (text) =>
      text.trim() ? null : { code: "incomplete_name", message: "Please provide your full name." },
    parameters: (text) => ({ [data("billing_details", "name")]: text.trim() }),
  },
  {
    name: "email",
    label: "Email",
    autocomplete: "email",
    inputMode: "email",
    format: unchanged,
    check: (text) =>
      /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text.trim())
        ? null
        : { code: "incomplete_email", message: "Your email address is incomplete." },
    parameters: (text) => ({ [data("billing_details", "email")]: text.trim() }),
  },
];

/**
 * A field for a number of the customer's bank account.
 *
 * @param {string} type  the payment method's
 * @param {Pick<FieldKind, 'name' | 'label' | 'placeholder' | 'width' | 'format' | 'check'>} field
 * @returns {FieldKind}
 */
const accountField = (type, field) => ({
  ...field,
  autocomplete: "off",
  ...(field.name !== "iban" && { inputMode: "numeric" }),
  parameters: (text) => ({ [data(type, field.name)]: text.replace(/[^0-9A-Z]/g, "") }),
});

/** @param {number} digits */
const firstDigits = (digits) => (/** @type {string} */ text) => digitsOf(text).slice(0, digits);

/** @type {Readonly<Record<string, Method>>} */
export const METHODS = {
  card: {
    label: "Card",
    fields: CARD_FIELDS,
    hint: "Sandbox: no money moves. Try 4242 4242 4242 4242 with any future date and any code.",
  },
  bacs_debit: {
    label: "Bacs Direct Debit",
    fields: [
      ...HOLDER_FIELDS,
      accountField("bacs_debit", {
        name: "sort_code",
        label: "Sort code",
        placeholder: "10-88-00",
        width: "half",
        format: formatSortCode,
        check: hasDigits("sort_code", 6),
      }),
      accountField("bacs_debit", {
        name: "account_number",
        label: "Account number",
        placeholder: "00012345",
        width: "half",
        format: firstDigits(8),
        check: hasDigits("account_number", 8),
      }),
    ],
    hint: "Sandbox: no money moves. Try sort code 10-88-00 and account 00012345.",
  },
  sepa_debit: {
    label: "SEPA Debit",
    fields: [
      ...HOLDER_FIELDS,
      accountField("sepa_debit", {
        name: "iban",
        label: "IBAN",
        placeholder: "DE00 0000 0000 0000 0000 00",
        format: formatIban,
        check: checkIban,
      }),
    ],
    hint: "Sandbox: no money moves. Try DE89 3704 0044 0532 0130 00.",
  },
  us_bank_account: {
    label: "US bank account",
    fields: [
      ...HOLDER_FIELDS,
      accountField("us_bank_account", {
        name: "routing_number",
        label: "Routing number",
        placeholder: "110000000",
        width: "half",
        format: firstDigits(9),
        check: checkRoutingNumber,
      }),
      accountField("us_bank_account", {
        name: "account_number",
        label: "Account number",
        placeholder: "000123456789",
        width: "half",
        format: firstDigits(17),
        check: hasDigits("account_number", 4),
      }),
    ],
    hint: "Sandbox: no money moves. Try routing number 110000000 and account 000123456789.",
  },
};

// @ts-check
/**
 * The Payment Element's frame: a page of the sandbox's origin inside the shop's page.
 *
 * Card and bank details are typed here and sent from here to the API; the shop's page only learns
 * whether they are complete. The frame exchanges messages only with the window that embeds it, at
 * the origin that its address names.
 */

import { applyAppearance } from "./elements-appearance.js";
import { Field, element } from "./elements-field.js";
import { METHODS } from "./elements-methods.js";

/** @import { StripeError } from '@stripe/stripe-js' */
/** @import { StripePaymentElementOptions as PaymentOptions } from '@stripe/stripe-js' */
/**
 * @typedef {{
 *   type: string,
 *   radio: HTMLInputElement,
 *   panel: HTMLElement,
 *   fields: Field[],
 * }} MethodView  a payment method as it is drawn
 */

const PARENT = new URLSearchParams(window.location.search).get("parent") ?? "";
/** Refusals that say more to a thief than to a customer. https://docs.stripe.com/declines/codes */
const GENERIC_DECLINES = new Set(["fraudulent", "lost_card", "merchant_blacklist", "stolen_card"]);

const form = /** @type {HTMLFormElement} */ (document.querySelector("#payment"));
const methodList = /** @type {HTMLFieldSetElement} */ (document.querySelector("#methods"));

/** @type {PaymentOptions} */
let options = {};
/** @type {MethodView[]} */
let views = [];
let lastState = "";

/** @param {{[key: string]: unknown}} message */
const send = (message) => window.parent.postMessage(message, PARENT);

const chosen = () => views.find(({ radio }) => radio.checked) ?? null;

// --------------------------------------------------------------------------------------- drawing

/** @param {string} name */
const isNeverCollected = (name) => {
  const fields = options.fields?.billingDetails ?? {};
  if (name !== "name" && name !== "email") return false;
  return fields === "never" || (typeof fields === "object" && fields[name] === "never");
};

/**
 * @param {string} type
 * @returns {MethodView}
 */
const drawMethod = (type) => {
  const { label, fields: kinds, hint } = METHODS[type];
  /** @type {Field[]} */
  const fields = [];
  const values = (/** @type {string} */ name) =>
    fields.find(({ kind }) => kind.name === name)?.value ?? "";
  const report = {
    changed: sendState,
    filled: (/** @type {Field} */ field) => fields[fields.indexOf(field) + 1]?.input.focus(),
  };
  for (const kind of kinds) {
    if (!isNeverCollected(kind.name)) fields.push(new Field(type, kind, values, report));
  }
  const radio = element("input", {
    type: "radio",
    name: "payment-method",
    value: type,
    id: `method-${type}`,
  });
  const panel = element(
    "div",
    { className: "Panel", id: `panel-${type}` },
    ...fields.map(({ root }) => root),
    element("p", { className: "Hint", textContent: hint }),
  );
  panel.setAttribute("role", "group");
  panel.setAttribute("aria-label", label);
  radio.addEventListener("change", showChosen);
  return { type, radio, panel, fields };
};

/** @param {string[]} types */
const drawMethods = (types) => {
  const supported = types.filter((type) => type in METHODS);
  const order = options.paymentMethodOrder ?? [];
  const rank = (/** @type {string} */ type) =>
    order.includes(type) ? order.indexOf(type) : order.length;
  supported.sort((one, other) => rank(one) - rank(other));
  const existing = new Map(views.map((view) => [view.type, view]));
  const selected = chosen()?.type ?? supported[0];
  views = supported.map((type) => existing.get(type) ?? drawMethod(type));
  methodList.replaceChildren(
    element("legend", { className: "u-hidden", textContent: "Payment method" }),
    ...views.flatMap(({ type, radio, panel }) => {
      const name = element("span", { textContent: METHODS[type].label });
      return [element("label", { className: "Method", htmlFor: radio.id }, radio, name), panel];
    }),
  );
  methodList.toggleAttribute("data-single", views.length < 2);
  methodList.style.setProperty("--method-count", String(views.length));
  for (const { type, radio } of views) radio.checked = type === selected;
  showChosen();
};

/** Applies the element's options. */
const applyOptions = () => {
  const { layout = "auto", readOnly = false, defaultValues } = options;
  const kind = typeof layout === "object" ? layout.type : layout;
  methodList.dataset.layout = kind === "accordion" ? "accordion" : "tabs";
  for (const { fields } of views) {
    for (const field of fields) {
      const { name } = field.kind;
      field.input.readOnly = readOnly;
      const defaultValue =
        name === "name" || name === "email" ? defaultValues?.billingDetails?.[name] : undefined;
      if (defaultValue && !field.value) field.value = defaultValue;
    }
  }
  sendState();
};

const showChosen = () => {
  for (const { radio, panel } of views) {
    panel.hidden = !radio.checked;
    radio.parentElement?.classList.toggle("Method--selected", radio.checked);
  }
  sendState();
};

const collapse = () => {
  for (const { radio } of views) radio.checked = false;
  showChosen();
};

// ---------------------------------------------------------------------------------------- state

const sendState = () => {
  const view = chosen();
  const fields = view?.fields ?? [];
  const event = {
    elementType: "payment",
    collapsed: !view,
    complete: view !== null && fields.every(({ problem }) => !problem),
    empty: fields.every(({ value }) => !value),
    value: { type: view?.type ?? views[0]?.type ?? "card" },
  };
  const state = JSON.stringify(event);
  if (state !== lastState) send({ type: "change", event });
  lastState = state;
};

/** Shows every problem of the chosen method and goes to the first. @returns {StripeError | null} */
const validate = () => {
  const view = chosen();
  if (!view) {
    return {
      type: "validation_error",
      code: "payment_method_incomplete",
      message: "Please choose a payment method.",
    };
  }
  for (const field of view.fields) field.show(field.problem);
  const first = view.fields.find(({ problem }) => problem);
  first?.input.focus();
  return first?.problem ? { type: "validation_error", ...first.problem } : null;
};

/**
 * @param {StripeError} error  of a confirmation
 * @param {Field[]} fields
 */
const showRefusal = (error, fields) => {
  if (error.type !== "card_error") return;
  const codes = `${error.code} ${error.decline_code}`;
  const name = /cvc/.test(codes) ? "cvc" : /expir/.test(codes) ? "expiry" : "number";
  const field = fields.find(({ kind }) => kind.name === name) ?? fields[0];
  const message = GENERIC_DECLINES.has(error.decline_code ?? "") ? "Your card was declined." : error.message;
  field?.refuse(message ?? "Your card was declined.");
};

/**
 * @param {MethodView} view
 * @returns {Record<string, string>}
 */
const confirmationOf = ({ type, fields }) =>
  Object.assign(
    { "payment_method_data[type]": type },
    type === "us_bank_account" && {
      "payment_method_data[us_bank_account][account_holder_type]": "individual",
    },
    ...fields.map(({ kind, value }) => kind.parameters(value)),
  );

/**
 * @param {string} intent  the PaymentIntent's id
 * @param {[string, string][]} parameters  those of the shop's page
 */
const confirm = async (intent, parameters) => {
  const error = validate();
  const view = chosen();
  if (error || !view) return { error };
  const body = new URLSearchParams(parameters);
  for (const [name, value] of Object.entries(confirmationOf(view))) body.set(name, value);
  setBusy(true);
  try {
    const response = await fetch(`/v1/payment_intents/${intent}/confirm`, { method: "POST", body });
    const answer = await response.json();
    if (response.ok) return { paymentIntent: answer };
    showRefusal(answer.error, view.fields);
    return { error: answer.error };
  } catch {
    return {
      error: {
        type: "api_connection_error",
        message: "The payment service cannot be reached. Check your connection and try again.",
      },
    };
  } finally {
    setBusy(false);
  }
};

/** @param {boolean} busy */
const setBusy = (busy) => {
  form.ariaBusy = String(busy);
  for (const { fields } of views) {
    for (const { input } of fields) input.readOnly = busy || (options.readOnly ?? false);
  }
};

// -------------------------------------------------------------------------------------- messages

/** @type {Record<string, (message: any) => unknown>} */
const MESSAGE_HANDLERS = {
  init: (message) => {
    options = message.options;
    applyAppearance(message.appearance);
    drawMethods(message.methods);
    applyOptions();
    if (typeof options.layout === "object" && options.layout.defaultCollapsed) collapse();
    setBusy(false);
    send({ type: "ready" });
  },
  methods: (message) => {
    if (message.appearance) applyAppearance(message.appearance);
    drawMethods(message.methods);
    applyOptions();
  },
  options: (message) => {
    options = message.options;
    applyOptions();
  },
  submit: () => {
    const error = validate();
    return error ? { error } : { selectedPaymentMethod: chosen()?.type };
  },
  confirm: (message) => confirm(message.intent, message.parameters),
  clear: () => {
    for (const { input } of views.flatMap(({ fields }) => fields)) {
      input.value = "";
      input.dispatchEvent(new Event("input"));
    }
  },
  collapse,
  focus: () => (chosen()?.fields[0]?.input ?? views[0]?.radio)?.focus(),
  blur: () => document.activeElement instanceof HTMLElement && document.activeElement.blur(),
};

window.addEventListener("message", async (event) => {
  if (event.source !== window.parent || event.origin !== PARENT) return;
  const { type, request } = event.data;
  const value = await MESSAGE_HANDLERS[type]?.(event.data);
  if (request !== undefined) send({ reply: request, value: value ?? null });
});

window.addEventListener("focus", () => send({ type: "focus" }));
window.addEventListener("blur", () => send({ type: "blur" }));
document.addEventListener("keydown", ({ key }) => {
  if (key === "Escape") send({ type: "escape" });
});
form.addEventListener("submit", (event) => event.preventDefault());
new ResizeObserver(() => {
  send({ type: "resize", height: Math.ceil(form.getBoundingClientRect().height) });
}).observe(form);

if (window.parent !== window && PARENT) send({ type: "hello" });

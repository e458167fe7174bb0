// @ts-check
/**
 * The payment form: Stripe's Payment Element and the shop's e-mail field.
 *
 * Pressing Pay first reserves the books at the shop; only then is the payment sent to Stripe.
 * https://docs.stripe.com/js/payment_intents/confirm_payment
 */

/** @typedef {import('@stripe/stripe-js').Stripe} Stripe */
/** @typedef {import('@stripe/stripe-js').StripeError} StripeError */
/** @typedef {{ field: string | null, message: string, final?: boolean }} Problem */

const FRAME_TIMEOUT = 20_000; // ms until a form of Stripe that does not appear counts as blocked

const form = /** @type {HTMLFormElement} */ (document.getElementById("payment-form"));
const email = /** @type {HTMLInputElement} */ (document.getElementById("email"));
const emailError = /** @type {HTMLElement} */ (document.getElementById("email-error"));
const button = /** @type {HTMLButtonElement} */ (document.getElementById("submit"));
const message = /** @type {HTMLElement} */ (document.getElementById("payment-message"));
const end = /** @type {HTMLElement} */ (document.getElementById("payment-end"));
const progress = /** @type {HTMLElement} */ (document.getElementById("payment-progress"));
const settings = form.dataset;

/**
 * Returns the shop's colours and font for Stripe's iframe, which does not see our style sheets.
 * @returns {import('@stripe/stripe-js').Appearance}
 */
function appearance() {
  const field = getComputedStyle(email);
  return {
    theme: matchMedia("(prefers-color-scheme: dark)").matches ? "night" : "stripe",
    variables: {
      colorPrimary: getComputedStyle(button).backgroundColor,
      colorBackground: field.backgroundColor,
      colorText: field.color,
      colorDanger: getComputedStyle(emailError).color,
      fontFamily: field.fontFamily,
      borderRadius: field.borderRadius,
    },
  };
}

/** @param {boolean} busy */
function setBusy(busy) {
  button.disabled = busy;
  button.toggleAttribute("data-busy", busy);
  form.setAttribute("aria-busy", String(busy));
  progress.textContent = busy ? (settings.messageProcessing ?? "") : "";
}

/** @param {Problem} problem */
function showProblem(problem) {
  const isEmailProblem = problem.field === "email";
  emailError.textContent = isEmailProblem ? problem.message : "";
  message.textContent = isEmailProblem ? "" : problem.message;
  setPayable(!problem.final);
  if (isEmailProblem) {
    email.setAttribute("aria-invalid", "true");
    email.focus();
  }
}

/**
 * Shows the Pay button, or in its place the links of a page that can no longer be used to pay.
 * @param {boolean} payable
 */
function setPayable(payable) {
  button.hidden = !payable;
  end.hidden = payable;
}

function clearProblems() {
  emailError.textContent = "";
  message.textContent = "";
  email.removeAttribute("aria-invalid");
}

/**
 * Returns the message for a customer: Stripe's, if it is written for customers and does not say
 * that a card has been reported.
 * @param {StripeError} error
 * @returns {string}
 */
function messageFor(error) {
  const genericCodes = (settings.declineCodes ?? "").split(" ");
  if (error.decline_code && genericCodes.includes(error.decline_code)) {
    return settings.messageDeclined ?? "";
  }
  const isForCustomers =
    error.type === "card_error" ||
    error.type === "validation_error" ||
    error.code === "payment_intent_authentication_failure";
  if (isForCustomers && error.message) {
    return error.message;
  }
  return (error.type === "api_connection_error" ? settings.messageNetwork : settings.messageGeneric) ?? "";
}

/**
 * Returns true if the order was paid meanwhile, in another tab: the outcome page then shows it.
 * @param {StripeError} error
 */
function isSettled(error) {
  return ["succeeded", "processing"].includes(error.payment_intent?.status ?? "");
}

/**
 * Sends the form to the shop, which checks it and reserves the books.
 * @returns {Promise<{ error?: Problem, receipt_email?: string }>} the shop's answer
 */
async function reserve() {
  const lost = { error: { field: null, message: settings.messageNetwork ?? "" } };
  try {
    const response = await fetch(form.action, { method: "POST", body: new FormData(form) });
    const answer = await response.json();
    return response.ok || answer.error ? answer : lost;
  } catch {
    return lost;
  }
}

/** Shows Stripe's form, and pays when the button is pressed. */
function start() {
  const stripe = window.Stripe?.(settings.publicKey ?? "");
  if (!stripe || !navigator.cookieEnabled) {
    const reason = stripe ? settings.messageCookies : settings.messageLoad;
    showProblem({ field: null, message: reason ?? "", final: true });
    return;
  }
  const elements = stripe.elements({
    clientSecret: settings.clientSecret ?? "",
    appearance: appearance(),
    locale: /** @type {import('@stripe/stripe-js').StripeElementLocale} */ (settings.locale),
  });
  const payment = elements.create("payment", {
    layout: "tabs",
    fields: { billingDetails: { email: "never" } }, // the shop has a field of its own
  });
  button.disabled = true;
  /** @param {string} [reason] */
  const stop = (reason) =>
    showProblem({ field: null, message: reason ?? settings.messageLoad ?? "", final: true });
  const timeout = setTimeout(stop, FRAME_TIMEOUT);
  payment.on("ready", () => {
    clearTimeout(timeout);
    clearProblems();
    setPayable(true);
    setBusy(false);
  });
  payment.on("loaderror", ({ error }) => {
    clearTimeout(timeout);
    if (isSettled(error)) {
      location.assign(settings.returnUrl ?? "");
    }
    stop(error.type === "api_connection_error" ? settings.messageLoad : messageFor(error));
  });
  payment.mount("#payment-element");
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
    elements.update({ appearance: appearance() }),
  );

  /** @returns {Promise<Problem | null>} the problem; null once the browser leaves the page */
  async function pay() {
    const { error: incomplete } = await elements.submit();
    if (incomplete) {
      return { field: null, message: messageFor(incomplete) };
    }
    const { error: problem, receipt_email: receiptEmail } = await reserve();
    if (problem) {
      return problem;
    }
    await elements.fetchUpdates(); // the price may have changed since the form was loaded
    const { error } = await /** @type {Stripe} */ (stripe).confirmPayment({
      elements,
      confirmParams: {
        return_url: settings.returnUrl ?? "",
        payment_method_data: { billing_details: { email: receiptEmail || null } },
      },
      redirect: "if_required",
    });
    if (error && !isSettled(error)) {
      const field = error.code === "email_invalid" ? "email" : null;
      return { field, message: messageFor(error) };
    }
    location.assign(settings.returnUrl ?? "");
    return null;
  }

  // Errors are shown next to their field instead of in the browser's own bubbles.
  form.noValidate = true;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) {
      return;
    }
    clearProblems();
    if (!email.checkValidity()) {
      showProblem({ field: "email", message: email.validationMessage });
      return;
    }
    setBusy(true);
    const problem = await pay().catch((error) => {
      console.error(error);
      return { field: null, message: settings.messageGeneric ?? "" };
    });
    if (problem) {
      setBusy(false);
      showProblem(problem);
    }
  });
}

// A page restored from the back/forward cache may show an order that has been paid since.
addEventListener("pageshow", (event) => {
  if (event.persisted) {
    location.reload();
  }
});

start();

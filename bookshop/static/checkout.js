// @ts-check
/**
 * The payment form: Stripe's Payment Element beside our own e-mail field.
 *
 * Pay first asks the shop to hold the books, and only then has Stripe take the money.
 * https://docs.stripe.com/js/payment_intents/confirm_payment
 */

/** @typedef {import('@stripe/stripe-js').Stripe} Stripe */
/** @typedef {import('@stripe/stripe-js').StripeError} StripeError */
/** @typedef {{ field: string | null, message: string }} Problem */

const form = /** @type {HTMLFormElement} */ (document.getElementById("payment-form"));
const email = /** @type {HTMLInputElement} */ (document.getElementById("email"));
const emailError = /** @type {HTMLElement} */ (document.getElementById("email-error"));
const button = /** @type {HTMLButtonElement} */ (document.getElementById("submit"));
const message = /** @type {HTMLElement} */ (document.getElementById("payment-message"));
const progress = /** @type {HTMLElement} */ (document.getElementById("payment-progress"));
const said = form.dataset;

/**
 * The shop's colours and letters, for the form in Stripe's frame, which sees no style of ours.
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

/** @param {boolean} working */
function setBusy(working) {
  button.disabled = working;
  button.toggleAttribute("data-busy", working);
  form.setAttribute("aria-busy", String(working));
  progress.textContent = working ? (said.messageProcessing ?? "") : "";
}

/** @param {Problem} problem */
function show(problem) {
  const ours = problem.field === "email";
  emailError.textContent = ours ? problem.message : "";
  message.textContent = ours ? "" : problem.message;
  if (ours) {
    email.setAttribute("aria-invalid", "true");
    email.focus();
  }
}

function clear() {
  emailError.textContent = "";
  message.textContent = "";
  email.removeAttribute("aria-invalid");
}

/**
 * What to tell a customer about an error of Stripe's: its own words where they are made for
 * customers and give nothing away.
 * @param {StripeError} error
 * @returns {string}
 */
function inWords(error) {
  const generic = (said.declineCodes ?? "").split(" ");
  if (error.decline_code && generic.includes(error.decline_code)) {
    return said.messageDeclined ?? "";
  }
  const forCustomers =
    error.type === "card_error" ||
    error.type === "validation_error" ||
    error.code === "payment_intent_authentication_failure";
  if (forCustomers && error.message) {
    return error.message;
  }
  return (error.type === "api_connection_error" ? said.messageNetwork : said.messageGeneric) ?? "";
}

/**
 * Whether it was paid meanwhile, in another tab: then the outcome's page knows better than this.
 * @param {StripeError} error
 */
function isSettled(error) {
  return ["succeeded", "processing"].includes(error.payment_intent?.status ?? "");
}

/**
 * Have the shop check the form and hold the books.
 * @returns {Promise<Problem | null>} what is in the way, or null
 */
async function hold() {
  try {
    const response = await fetch(form.action, { method: "POST", body: new FormData(form) });
    const answer = await response.json();
    return response.ok ? null : answer.error;
  } catch {
    return { field: null, message: said.messageNetwork ?? "" };
  }
}

/** Show the form of Stripe's, and pay when the button is pressed. */
function start() {
  const stripe = window.Stripe?.(said.publicKey ?? "");
  if (!stripe) {
    show({ field: null, message: said.messageLoad ?? "" });
    button.disabled = true;
    return;
  }
  const elements = stripe.elements({
    clientSecret: said.clientSecret ?? "",
    appearance: appearance(),
    locale: /** @type {import('@stripe/stripe-js').StripeElementLocale} */ (said.locale),
  });
  const payment = elements.create("payment", {
    layout: "tabs",
    fields: { billingDetails: { email: "never" } }, // it stands in our own field
  });
  button.disabled = true;
  payment.on("ready", () => setBusy(false));
  payment.on("loaderror", ({ error }) => {
    if (isSettled(error)) {
      location.assign(said.returnUrl ?? "");
    }
    show({ field: null, message: inWords(error) });
  });
  payment.mount("#payment-element");
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
    elements.update({ appearance: appearance() }),
  );

  /** @returns {Promise<Problem | null>} what is in the way; null once the browser is leaving */
  async function pay() {
    const { error: incomplete } = await elements.submit();
    if (incomplete) {
      return { field: null, message: inWords(incomplete) };
    }
    const problem = await hold();
    if (problem) {
      return problem;
    }
    await elements.fetchUpdates(); // the price may have changed since the form was loaded
    const { error } = await /** @type {Stripe} */ (stripe).confirmPayment({
      elements,
      confirmParams: {
        return_url: said.returnUrl ?? "",
        payment_method_data: { billing_details: { email: email.value } },
      },
      redirect: "if_required",
    });
    if (error && !isSettled(error)) {
      return { field: null, message: inWords(error) };
    }
    location.assign(said.returnUrl ?? "");
    return null;
  }

  // Errors are shown beside their field, in one manner, rather than in the browser's bubbles.
  form.noValidate = true;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) {
      return;
    }
    clear();
    if (!email.checkValidity()) {
      show({ field: "email", message: email.validationMessage });
      return;
    }
    setBusy(true);
    const problem = await pay().catch((error) => {
      console.error(error);
      return { field: null, message: said.messageGeneric ?? "" };
    });
    if (problem) {
      setBusy(false);
      show(problem);
    }
  });
}

// A page out of the browser's memory may be about an order that is paid by now.
addEventListener("pageshow", (event) => {
  if (event.persisted) {
    location.reload();
  }
});

start();

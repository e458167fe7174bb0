// @ts-check
/**
 * The sandbox's Stripe.js: a classic script that defines `window.Stripe`, as Stripe's own does.
 *
 * It offers what a shop with a Payment Element uses: `Stripe(key).elements()`, `create('payment')`,
 * `confirmPayment`, `handleNextAction` and `retrievePaymentIntent`, typed by the package
 * `@stripe/stripe-js` and described at https://docs.stripe.com/js. What is typed into the Payment
 * Element stays in a frame of the sandbox's origin (elements.js), which sends it to the API itself;
 * this script, in the shop's page, never sees it.
 *
 * It runs under a strict Content-Security-Policy: no eval, no inline style, no <style>. Styles are
 * set property by property. Texts are English whatever the locale, and `fonts`, `loader`, `terms` and
 * `wallets` are accepted without effect.
 */
(() => {
  "use strict";

  /**
   * @typedef {import('@stripe/stripe-js').ConfirmPaymentData} ConfirmPaymentData
   * @typedef {import('@stripe/stripe-js').PaymentIntent} PaymentIntent
   * @typedef {import('@stripe/stripe-js').PaymentIntentResult} PaymentIntentResult
   * @typedef {import('@stripe/stripe-js').Stripe} Stripe
   * @typedef {import('@stripe/stripe-js').StripeConstructor} StripeConstructor
   * @typedef {import('@stripe/stripe-js').StripeConstructorOptions} StripeConstructorOptions
   * @typedef {import('@stripe/stripe-js').StripeElements} StripeElements
   * @typedef {import('@stripe/stripe-js').StripeElementsOptionsClientSecret} IntentOptions
   * @typedef {import('@stripe/stripe-js').StripeElementsOptionsMode} ModeOptions
   * @typedef {import('@stripe/stripe-js').StripeElementsUpdateOptions} UpdateOptions
   * @typedef {import('@stripe/stripe-js').StripeError} StripeError
   * @typedef {import('@stripe/stripe-js').StripePaymentElement} StripePaymentElement
   * @typedef {import('@stripe/stripe-js').StripePaymentElementChangeEvent} ChangeEvent
   * @typedef {import('@stripe/stripe-js').StripePaymentElementOptions} PaymentOptions
   */

  /**
   * The part of Stripe's interfaces that the sandbox implements. Casting an implementation to
   * these, and these to Stripe's own, lets the type checker compare both sides.
   *
   * @typedef {Pick<Stripe, 'confirmPayment' | 'retrievePaymentIntent' | 'handleNextAction'> & {
   *   elements: (options?: IntentOptions | ModeOptions) => StripeElements,
   * }} StripeSubset
   * @typedef {Pick<StripeElements, 'submit' | 'fetchUpdates' | 'update'> & {
   *   create: (type: 'payment', options?: PaymentOptions) => StripePaymentElement,
   *   getElement: (type: 'payment') => StripePaymentElement | null,
   * }} ElementsSubset
   */

  /** @typedef {Awaited<ReturnType<StripeElements['submit']>>} SubmitResult */
  /** @typedef {Awaited<ReturnType<StripeElements['fetchUpdates']>>} FetchResult */
  /** @typedef {{types: string[], error?: undefined} | {error: StripeError}} Methods */

  /**
   * @typedef {{
   *   blur: {elementType: 'payment'},
   *   change: ChangeEvent,
   *   escape: {elementType: 'payment'},
   *   focus: {elementType: 'payment'},
   *   loaderror: {elementType: 'payment', error: StripeError},
   *   loaderstart: {elementType: 'payment'},
   *   ready: {elementType: 'payment'},
   * }} PaymentEvents
   */

  const script = document.currentScript;
  if (!(script instanceof HTMLScriptElement)) {
    throw new Error("Stripe.js must be loaded by a <script src> element of its own.");
  }
  /** The API, the card frame and this script share one origin; messages from others are ignored. */
  const ORIGIN = new URL(script.src).origin;

  const FRAME_ANSWERS_WITHIN_MS = 15_000;
  const INTENT_SECRET = /^(pi_[^_]+)_secret_.+$/;
  /**
   * Statuses of a PaymentIntent after a failed authentication, or a decline after it.
   *
   * @type {PaymentIntent['status'][]}
   */
  const UNPAID = ["requires_action", "requires_payment_method"];
  const PAYMENT_FRAME = "/elements/payment";
  /** The bank debit that goes with a currency, for Elements made before there is an intent. */
  const BANK_DEBITS = new Map([
    ["eur", "sepa_debit"],
    ["gbp", "bacs_debit"],
    ["usd", "us_bank_account"],
  ]);

  /** A mistake in the shop's code, thrown where a developer meets it; never shown to customers. */
  class IntegrationError extends Error {
    /** @param {string} message */
    constructor(message) {
      super(message);
      this.name = "IntegrationError";
    }
  }

  // ---------------------------------------------------------------------------------------- API

  /** @returns {StripeError} */
  const unreachable = () => ({
    type: "api_connection_error",
    message: "The payment service cannot be reached. Check your connection and try again.",
  });

  /**
   * @param {string} caller  the method that a developer called
   * @param {unknown} clientSecret
   * @returns {string} the PaymentIntent's id
   */
  const intentId = (caller, clientSecret) => {
    const match = INTENT_SECRET.exec(String(clientSecret));
    if (!match?.[1]) {
      throw new IntegrationError(
        `Invalid value for ${caller}: clientSecret should be a client secret of the form ` +
          `\${id}_secret_\${secret}. You specified: ${clientSecret}.`,
      );
    }
    return match[1];
  };

  /**
   * Nested parameters as Stripe's form encoding has them: `shipping[address][line1]`.
   *
   * @param {object} parameters
   * @returns {[string, string][]}
   */
  const encode = (parameters, path = "") =>
    Object.entries(parameters).flatMap(([key, value]) => {
      const name = path ? `${path}[${key}]` : key;
      if (value === null || value === undefined) return [];
      if (typeof value === "object") return encode(value, name);
      return [/** @type {[string, string]} */ ([name, String(value)])];
    });

  /** The API as a browser may use it: publishable key, client secret. It answers, never throws. */
  class Api {
    #key;

    /** @param {string} key */
    constructor(key) {
      this.#key = key;
    }

    get key() {
      return this.#key;
    }

    /**
     * @param {string} clientSecret
     * @returns {Promise<PaymentIntentResult>}
     */
    retrieve(clientSecret) {
      return this.#intent("GET", "", clientSecret, []);
    }

    /**
     * @param {string} clientSecret
     * @param {[string, string][]} parameters
     */
    confirm(clientSecret, parameters) {
      return this.#intent("POST", "/confirm", clientSecret, parameters);
    }

    /**
     * The customer closed the challenge: the bank was not satisfied.
     *
     * @param {string} clientSecret
     */
    giveUp(clientSecret) {
      return this.#intent("POST", "/challenge", clientSecret, [["outcome", "fail"]]);
    }

    /**
     * @param {'GET' | 'POST'} method
     * @param {string} action
     * @param {string} clientSecret
     * @param {[string, string][]} parameters
     * @returns {Promise<PaymentIntentResult>}
     */
    async #intent(method, action, clientSecret, parameters) {
      const url = new URL(
        `/v1/payment_intents/${intentId("Stripe()", clientSecret)}${action}`,
        ORIGIN,
      );
      const form = new URLSearchParams(parameters);
      form.set("key", this.#key);
      form.set("client_secret", clientSecret);
      if (method === "GET") url.search = String(form);
      try {
        const response = await fetch(url, method === "GET" ? {} : { method, body: form });
        const body = await response.json();
        return response.ok ? { paymentIntent: body } : { error: body.error };
      } catch {
        return { error: unreachable() };
      }
    }
  }

  // -------------------------------------------------------------------------------------- frames

  /** A frame of the sandbox's origin, and the messages to and from it. */
  class Frame {
    static #count = 0;
    #onMessage;
    /** @type {Map<number, {resolve: (value: any) => void, reject: (error: Error) => void}>} */
    #pending = new Map();
    #requests = 0;

    /**
     * @param {{
     *   host: Element,
     *   path: string,
     *   title: string,
     *   style: Partial<CSSStyleDeclaration>,
     *   onMessage: (message: any) => void,
     * }} options  `onMessage` receives the messages that are not replies
     */
    constructor({ host, path, title, style, onMessage }) {
      const url = new URL(path, ORIGIN);
      url.searchParams.set("parent", window.location.origin);
      this.#onMessage = onMessage;
      this.iframe = document.createElement("iframe");
      this.iframe.title = title;
      this.iframe.name = `__privateStripeFrame${(Frame.#count += 1)}`;
      this.iframe.src = String(url);
      // "light": a frame in another colour scheme than its document gets an opaque background.
      Object.assign(
        this.iframe.style,
        { border: "0", display: "block", colorScheme: "light" },
        style,
      );
      window.addEventListener("message", this.#receive);
      host.append(this.iframe);
    }

    /** @param {MessageEvent} event */
    #receive = (event) => {
      if (event.origin !== ORIGIN || event.source !== this.iframe.contentWindow) return;
      const { reply, value } = event.data;
      if (reply === undefined) {
        this.#onMessage(event.data);
      } else {
        this.#pending.get(reply)?.resolve(value);
        this.#pending.delete(reply);
      }
    };

    /** @param {{type: string, [key: string]: unknown}} message */
    post(message) {
      this.iframe.contentWindow?.postMessage(message, ORIGIN);
    }

    /**
     * @param {{type: string, [key: string]: unknown}} message
     * @returns {Promise<any>} what the frame replies
     */
    request(message) {
      const request = (this.#requests += 1);
      return new Promise((resolve, reject) => {
        this.#pending.set(request, { resolve, reject });
        this.post({ ...message, request });
      });
    }

    close() {
      window.removeEventListener("message", this.#receive);
      this.iframe.remove();
      for (const { reject } of this.#pending.values()) reject(notMounted());
    }
  }

  /**
   * Shows the bank's challenge over the page until it has an outcome or is closed.
   *
   * @param {string} path  of the challenge page, on the sandbox
   * @returns {Promise<boolean>} true if the challenge has an outcome
   */
  const showChallenge = async (path) => {
    const dialog = document.createElement("dialog");
    dialog.setAttribute("aria-label", "Authentication by your bank");
    Object.assign(dialog.style, {
      width: "100vw",
      height: "100dvh",
      maxWidth: "none",
      maxHeight: "none",
      margin: "0",
      padding: "16px",
      border: "0",
      boxSizing: "border-box",
      background: "rgb(15 23 42 / 55%)",
    });
    let completed = false;
    const frame = new Frame({
      host: dialog,
      path,
      title: "Secure 3D Secure frame",
      style: {
        width: "min(100%, 440px)",
        height: "min(100%, 520px)",
        margin: "max(0px, calc(50dvh - 276px)) auto 0",
        borderRadius: "14px",
        background: "#fff",
        boxShadow: "0 24px 64px rgb(15 23 42 / 40%)",
      },
      onMessage: (message) => {
        if (message.type === "hello") frame.iframe.focus();
        if (message.type === "challenged") {
          completed = true;
          dialog.close();
        }
      },
    });
    document.body.append(dialog);
    await new Promise((resolve) => {
      dialog.addEventListener("close", resolve, { once: true });
      dialog.showModal();
    });
    frame.close();
    dialog.remove();
    return completed;
  };

  // ------------------------------------------------------------------------------------- elements

  const notMounted = () =>
    new IntegrationError(
      "We could not retrieve data from the specified Element. Please make sure the Element you " +
        "are attempting to use is mounted and the ready event has been emitted.",
    );

  /** @implements {StripePaymentElement} */
  class PaymentElement {
    #elements;
    #options;
    /** @type {Frame | null} */
    #frame = null;
    #frameResponded = false;
    #initialised = false;
    #ready = false;
    #destroyed = false;
    /** @type {Map<string, Set<(event: any) => any>>} */
    #handlers = new Map();

    /**
     * @param {Elements} elements
     * @param {PaymentOptions} options
     */
    constructor(elements, options) {
      this.#elements = elements;
      this.#options = options;
    }

    /** @param {string | HTMLElement} target */
    mount(target) {
      if (this.#destroyed) {
        throw new IntegrationError(
          "This Element has already been destroyed. Please create a new one.",
        );
      }
      const host = typeof target === "string" ? document.querySelector(target) : target;
      if (!(host instanceof Element)) {
        throw new IntegrationError(
          typeof target === "string"
            ? `The selector you specified (${target}) applies to no DOM elements that are ` +
                "currently on the page. Make sure the element exists on the page before calling mount()."
            : "Invalid DOM element. Please provide a valid DOM element or CSS selector.",
        );
      }
      this.unmount();
      host.replaceChildren();
      host.classList.add("StripeElement", "StripeElement--empty");
      const frame = new Frame({
        host,
        path: PAYMENT_FRAME,
        title: "Secure payment input frame",
        // The margin gives the fields' focus rings room.
        style: { width: "calc(100% + 8px)", height: "210px", margin: "-4px" },
        onMessage: (message) => this.#onMessage(frame, message),
      });
      this.#frame = frame;
      setTimeout(() => this.#expectHello(frame), FRAME_ANSWERS_WITHIN_MS);
    }

    /** @param {Frame} frame */
    #expectHello(frame) {
      // A policy of the page (frame-src) or a sandbox that is down keeps the frame silent.
      if (this.#frame === frame && !this.#frameResponded) this.#fail(unreachable());
    }

    /** @param {StripeError} error */
    #fail(error) {
      this.#emit("loaderror", { elementType: "payment", error });
    }

    /**
     * @param {Frame} frame
     * @param {any} message
     */
    #onMessage(frame, message) {
      const { type } = message;
      if (type === "hello") {
        this.#frameResponded = true;
        this.#emit("loaderstart", { elementType: "payment" });
        void this.#initialise(frame);
      } else if (type === "resize") {
        frame.iframe.style.height = `${message.height}px`;
      } else if (type === "change") {
        this.#changed(frame, message.event);
      } else if (type === "ready") {
        this.#ready = true;
        this.#emit("ready", { elementType: "payment" });
      } else if (type === "focus" || type === "blur" || type === "escape") {
        if (type !== "escape") this.#mark(frame, "focus", type === "focus");
        this.#emit(type, { elementType: "payment" });
      }
    }

    /** @param {Frame} frame */
    async #initialise(frame) {
      const methods = await this.#elements.methods();
      if (this.#frame !== frame) return;
      if (methods.error) {
        this.#fail(methods.error);
        return;
      }
      this.#initialised = true;
      frame.post({
        type: "init",
        options: this.#options,
        ...this.#elements.appearanceOptions(),
        methods: methods.types,
      });
    }

    /**
     * @param {Frame} frame
     * @param {ChangeEvent} event
     */
    #changed(frame, event) {
      this.#mark(frame, "empty", event.empty);
      this.#mark(frame, "complete", event.complete);
      this.#emit("change", event);
    }

    /**
     * @param {Frame} frame
     * @param {'complete' | 'empty' | 'focus'} state
     * @param {boolean} holds
     */
    #mark(frame, state, holds) {
      frame.iframe.parentElement?.classList.toggle(`StripeElement--${state}`, holds);
    }

    /**
     * @template {keyof PaymentEvents} T
     * @param {T} type
     * @param {PaymentEvents[T]} event
     */
    #emit(type, event) {
      for (const handler of [...(this.#handlers.get(type) ?? [])]) handler(event);
    }

    /**
     * @param {string} type
     * @param {(event: any) => any} handler
     */
    on(type, handler) {
      if (typeof handler !== "function") {
        throw new IntegrationError(
          `Invalid value for on(): the handler of "${type}" should be a function.`,
        );
      }
      const handlers = this.#handlers.get(type) ?? new Set();
      this.#handlers.set(type, handlers.add(handler));
      return this;
    }

    /**
     * @param {string} type
     * @param {(event: any) => any} handler
     */
    once(type, handler) {
      /** @param {any} event */
      const first = (event) => {
        this.off(type, first);
        handler(event);
      };
      return this.on(type, first);
    }

    /**
     * @param {string} type
     * @param {(event: any) => any} [handler]  without it, every handler of the event
     */
    off(type, handler) {
      if (handler) this.#handlers.get(type)?.delete(handler);
      else this.#handlers.delete(type);
      return this;
    }

    /** @param {Partial<PaymentOptions>} options */
    update(options) {
      this.#options = { ...this.#options, ...options };
      if (this.#initialised) this.#frame?.post({ type: "options", options: this.#options });
      return this;
    }

    collapse() {
      this.#frame?.post({ type: "collapse" });
      return this;
    }

    clear() {
      this.#frame?.post({ type: "clear" });
    }

    focus() {
      this.#frame?.iframe.focus();
      this.#frame?.post({ type: "focus" });
    }

    blur() {
      this.#frame?.iframe.blur();
      this.#frame?.post({ type: "blur" });
    }

    unmount() {
      const host = this.#frame?.iframe.parentElement;
      this.#frame?.close();
      this.#frame = null;
      this.#frameResponded = false;
      this.#initialised = false;
      this.#ready = false;
      for (const name of ["", "--complete", "--empty", "--focus"]) {
        host?.classList.remove(`StripeElement${name}`);
      }
    }

    destroy() {
      this.unmount();
      this.#destroyed = true;
      this.#elements.forget();
    }

    get mounted() {
      return this.#frame !== null;
    }

    get options() {
      return this.#options;
    }

    /**
     * Updates the frame; one that is still loading gets the same options.
     *
     * @param {{methods: string[], appearance?: object}} changes
     */
    async refresh(changes) {
      if (this.#initialised) await this.#frame?.request({ type: "methods", ...changes });
    }

    /**
     * @param {{type: string, [key: string]: unknown}} message
     * @returns {Promise<any>} what the frame replies
     */
    request(message) {
      if (!this.#frame || !this.#ready) throw notMounted();
      return this.#frame.request(message);
    }
  }

  /** @param {object} options */
  const refuseMethodTypes = (options) => {
    if ("paymentMethodTypes" in options || "payment_method_types" in options) {
      throw new IntegrationError(
        "Invalid value for elements(): paymentMethodTypes is no longer supported. Let Stripe " +
          "choose the payment methods, or use allowedPaymentMethodTypes or excludedPaymentMethodTypes.",
      );
    }
  };

  /** @param {IntentOptions | ModeOptions} options */
  const checkElementsOptions = (options) => {
    refuseMethodTypes(options);
    const { clientSecret, mode } = options;
    if (clientSecret !== undefined && mode !== undefined) {
      throw new IntegrationError(
        "Invalid value for elements(): pass either clientSecret or mode, not both.",
      );
    }
    if (clientSecret !== undefined) {
      intentId("elements()", clientSecret);
    } else if (mode !== undefined && mode !== "payment") {
      throw new IntegrationError(
        `The sandbox's elements() supports mode: 'payment' only, not '${mode}'.`,
      );
    } else if (mode && !(Number.isInteger(options.amount) && options.currency)) {
      throw new IntegrationError(
        "Invalid value for elements(): mode: 'payment' needs an integer amount and a currency.",
      );
    }
  };

  /**
   * A group of elements around one PaymentIntent, made or still to make.
   *
   * @implements {ElementsSubset}
   */
  class Elements {
    #api;
    #options;
    /** @type {PaymentElement | null} */
    #payment = null;
    /** @type {Promise<Methods> | null} */
    #methods = null;
    #submitted = false;

    /**
     * @param {Api} api
     * @param {IntentOptions | ModeOptions} options
     */
    constructor(api, options) {
      checkElementsOptions(options);
      this.#api = api;
      this.#options = options;
    }

    /**
     * @param {'payment'} type
     * @param {PaymentOptions} [options]
     * @returns {StripePaymentElement}
     */
    create(type, options = {}) {
      if (type !== "payment") {
        throw new IntegrationError(
          `The sandbox offers the Element of type "payment", not "${type}".`,
        );
      }
      if (this.#payment) throw new IntegrationError("Can only create one Element of type payment.");
      if (!this.#options.clientSecret && !this.#options.mode) {
        throw new IntegrationError(
          "In order to create a payment element, you must pass a clientSecret or mode when " +
            "creating the Elements group.",
        );
      }
      this.#payment = new PaymentElement(this, options);
      return this.#payment;
    }

    /**
     * @param {'payment'} type
     * @returns {StripePaymentElement | null}
     */
    getElement(type) {
      return type === "payment" ? this.#payment : null;
    }

    /** @returns {Promise<SubmitResult>} */
    async submit() {
      /** @type {SubmitResult} */
      const result = await this.#mountedPayment("elements.submit()").request({ type: "submit" });
      this.#submitted = !result.error;
      return result;
    }

    /** @returns {Promise<FetchResult>} */
    async fetchUpdates() {
      if (!this.#options.clientSecret) {
        throw new IntegrationError(
          "elements.fetchUpdates() needs Elements created with a clientSecret.",
        );
      }
      this.#methods = null;
      const methods = await this.methods();
      if (methods.error) {
        const { code, message = "", type } = methods.error;
        return { error: { message, status: code ?? type } };
      }
      await this.#payment?.refresh({ methods: methods.types });
      return {};
    }

    /** @param {UpdateOptions} options */
    async update(options) {
      refuseMethodTypes(options);
      if (
        !this.#options.mode &&
        ("mode" in options || "amount" in options || "currency" in options)
      ) {
        throw new IntegrationError(
          "elements.update() changes mode, amount and currency only of Elements created with a " +
            "mode. Update the PaymentIntent on the server and call elements.fetchUpdates().",
        );
      }
      const merged = /** @type {IntentOptions | ModeOptions} */ ({ ...this.#options, ...options });
      checkElementsOptions(merged);
      this.#options = merged;
      if (this.#options.mode) this.#methods = null;
      const methods = await this.methods();
      if (!methods.error) await this.#payment?.refresh({ ...this.appearanceOptions(), methods: methods.types });
    }

    /** Returns the appearance for the frame. */
    appearanceOptions() {
      return { appearance: this.#options.appearance ?? {} };
    }

    /**
     * The types of payment method to offer. Requested once, and again after fetchUpdates.
     *
     * @returns {Promise<Methods>}
     */
    methods() {
      this.#methods ??= this.#findMethods();
      return this.#methods;
    }

    /** @returns {Promise<Methods>} */
    async #findMethods() {
      if (this.#options.mode) return { types: methodsByCurrency(this.#options) };
      const { paymentIntent, error } = await this.#api.retrieve(this.#options.clientSecret ?? "");
      if (error) return { error };
      if (paymentIntent.status === "succeeded" || paymentIntent.status === "canceled") {
        return {
          error: {
            type: "invalid_request_error",
            code: "payment_intent_unexpected_state",
            message:
              "This PaymentIntent is in a terminal state and cannot be used to initialize " +
              "Elements.",
            payment_intent: paymentIntent,
          },
        };
      }
      return { types: paymentIntent.payment_method_types };
    }

    /**
     * @param {string | undefined} confirmSecret  the clientSecret passed to confirmPayment
     * @returns {string}
     */
    secretFor(confirmSecret) {
      const own = this.#options.clientSecret;
      if (!own && !confirmSecret) {
        throw new IntegrationError(
          "stripe.confirmPayment(): `clientSecret` is required when Elements has only a mode.",
        );
      }
      return confirmSecret ?? own ?? "";
    }

    /**
     * @param {string} clientSecret
     * @param {Partial<ConfirmPaymentData>} parameters
     * @returns {Promise<PaymentIntentResult>}
     */
    async confirm(clientSecret, parameters) {
      const payment = this.#mountedPayment("stripe.confirmPayment()");
      checkNeverCollected(payment.options, parameters);
      if (this.#options.mode && !this.#submitted) {
        throw new IntegrationError(
          "elements.submit() must be called before stripe.confirmPayment(). Call it when your " +
            "customer is ready to pay, and handle its error.",
        );
      }
      this.#submitted = false;
      return payment.request({
        type: "confirm",
        intent: intentId("stripe.confirmPayment()", clientSecret),
        parameters: [
          ...encode(parameters),
          ["key", this.#api.key],
          ["client_secret", clientSecret],
          ["use_stripe_sdk", "true"],
        ],
      });
    }

    /** @param {string} caller */
    #mountedPayment(caller) {
      if (!this.#payment?.mounted) {
        throw new IntegrationError(
          `Invalid value for ${caller}: elements should have a mounted Payment Element or ` +
            "Express Checkout Element.",
        );
      }
      return this.#payment;
    }

    /** @param {Api} api */
    belongsTo(api) {
      return this.#api === api;
    }

    forget() {
      this.#payment = null;
    }
  }

  /**
   * @param {ModeOptions} options
   * @returns {string[]}
   */
  const methodsByCurrency = ({
    currency = "",
    allowedPaymentMethodTypes,
    excludedPaymentMethodTypes,
  }) =>
    ["card", BANK_DEBITS.get(currency) ?? ""]
      .filter((type) => type && !excludedPaymentMethodTypes?.includes(type))
      .filter((type) => allowedPaymentMethodTypes?.includes(type) ?? true);

  /**
   * Details that the Payment Element must not collect have to come with the confirmation.
   *
   * @param {PaymentOptions} options
   * @param {Partial<ConfirmPaymentData>} parameters
   */
  const checkNeverCollected = (options, parameters) => {
    const fields = options.fields?.billingDetails ?? {};
    /** @type {Record<string, unknown>} */
    const given = { ...parameters.payment_method_data?.billing_details };
    for (const name of /** @type {const} */ (["name", "email", "phone", "address"])) {
      const never = fields === "never" || (typeof fields === "object" && fields[name] === "never");
      if (never && given[name] === undefined) {
        const field = `billing_details.${name}`;
        throw new IntegrationError(
          `You specified "never" for fields.${field} when creating the payment Element, but did ` +
            `not pass confirmParams.payment_method_data.${field} when calling stripe.confirmPayment().`,
        );
      }
    }
  };

  // --------------------------------------------------------------------------------------- Stripe

  /**
   * Leaves the page. The promise stays open: the page that would act on it is going away.
   *
   * @param {string} url
   * @returns {Promise<never>}
   */
  const leaveTo = (url) => {
    window.location.assign(url);
    return new Promise(() => {});
  };

  /**
   * @param {string} returnUrl
   * @param {PaymentIntent} intent
   */
  const withOutcome = (returnUrl, intent) => {
    const url = new URL(returnUrl);
    url.searchParams.set("payment_intent", intent.id);
    url.searchParams.set("payment_intent_client_secret", intent.client_secret ?? "");
    url.searchParams.set(
      "redirect_status",
      intent.status === "processing" ? "pending" : "succeeded",
    );
    return String(url);
  };

  /**
   * @param {PaymentIntent} intent
   * @returns {StripeError}
   */
  const paymentError = (intent) => {
    const { type, payment_method, ...error } = intent.last_payment_error ?? {
      type: /** @type {const} */ ("invalid_request_error"),
      code: "payment_intent_authentication_failure",
      message:
        "We are unable to authenticate your payment method. Please choose a different payment " +
        "method and try again.",
    };
    return { ...error, type, ...(payment_method && { payment_method }), payment_intent: intent };
  };

  /**
   * @typedef {{
   *   elements?: StripeElements,
   *   clientSecret?: string,
   *   confirmParams?: Partial<ConfirmPaymentData>,
   *   redirect: 'if_required',
   * }} ConfirmIfRequired
   * @typedef {{
   *   elements?: StripeElements,
   *   clientSecret?: string,
   *   confirmParams: ConfirmPaymentData,
   *   redirect?: 'always',
   * }} ConfirmAlways
   */

  /** @param {ConfirmIfRequired | ConfirmAlways} options */
  const checkConfirmation = ({ elements, clientSecret, confirmParams, redirect = "always" }) => {
    if (!elements && !clientSecret) {
      throw new IntegrationError(
        "stripe.confirmPayment(): expected either `elements` or `clientSecret`, but got neither.",
      );
    }
    if (redirect !== "always" && redirect !== "if_required") {
      throw new IntegrationError(
        "Invalid value for stripe.confirmPayment(): redirect should be 'always' or " +
          `'if_required'. You specified: ${redirect}.`,
      );
    }
    const returnUrl = confirmParams?.return_url;
    if (redirect === "always" && !returnUrl) {
      throw new IntegrationError(
        "stripe.confirmPayment(): the `confirmParams.return_url` argument is required when using " +
          "automatic payment methods.",
      );
    }
    if (returnUrl && !URL.canParse(returnUrl)) {
      throw new IntegrationError(
        "Invalid value for stripe.confirmPayment(): confirmParams.return_url should be an " +
          `absolute URL. You specified: ${returnUrl}.`,
      );
    }
  };

  /** @implements {StripeSubset} */
  class SandboxStripe {
    #api;

    /** @param {string} key */
    constructor(key) {
      this.#api = new Api(key);
    }

    /**
     * @param {IntentOptions | ModeOptions} [options]
     * @returns {StripeElements}
     */
    elements(options = {}) {
      /** @type {ElementsSubset} */
      const elements = new Elements(this.#api, options);
      return /** @type {StripeElements} */ (elements);
    }

    /**
     * @overload
     * @param {ConfirmIfRequired} options
     * @returns {Promise<PaymentIntentResult>}
     */
    /**
     * @overload
     * @param {ConfirmAlways} options
     * @returns {Promise<{error: StripeError}>}
     */
    /**
     * @param {ConfirmIfRequired | ConfirmAlways} options
     * @returns {Promise<PaymentIntentResult>}
     */
    async confirmPayment(options) {
      checkConfirmation(options);
      const { confirmParams = {}, redirect = "always" } = options;
      const result = await this.#settle(await this.#confirm(options, confirmParams));
      if (result.error || redirect === "if_required") return result;
      return leaveTo(withOutcome(confirmParams.return_url ?? "", result.paymentIntent));
    }

    /**
     * @param {ConfirmIfRequired | ConfirmAlways} options
     * @param {Partial<ConfirmPaymentData>} parameters
     */
    #confirm({ elements, clientSecret = "" }, parameters) {
      if (!elements) {
        intentId("stripe.confirmPayment()", clientSecret);
        return this.#api.confirm(clientSecret, [...encode(parameters), ["use_stripe_sdk", "true"]]);
      }
      if (!(elements instanceof Elements) || !elements.belongsTo(this.#api)) {
        throw new IntegrationError(
          "Invalid value for stripe.confirmPayment(): elements should be an Elements object that " +
            "this Stripe object created.",
        );
      }
      return elements.confirm(elements.secretFor(clientSecret || undefined), parameters);
    }

    /**
     * @param {string} clientSecret
     * @returns {Promise<PaymentIntentResult>}
     */
    async retrievePaymentIntent(clientSecret) {
      intentId("stripe.retrievePaymentIntent()", clientSecret);
      return this.#api.retrieve(clientSecret);
    }

    /**
     * @param {{clientSecret?: string, hashedValue?: string}} options
     * @returns {Promise<PaymentIntentResult>}
     */
    async handleNextAction({ clientSecret }) {
      intentId("stripe.handleNextAction()", clientSecret);
      const result = await this.#api.retrieve(clientSecret ?? "");
      if (result.paymentIntent && result.paymentIntent.status !== "requires_action") {
        throw new IntegrationError(
          "handleNextAction: The PaymentIntent supplied is not in the requires_action state.",
        );
      }
      return this.#settle(result);
    }

    /**
     * Shows the bank's challenge to the customer, if the PaymentIntent requires it.
     *
     * @param {PaymentIntentResult} result
     * @returns {Promise<PaymentIntentResult>}
     */
    async #settle(result) {
      const intent = result.paymentIntent;
      if (intent?.status !== "requires_action") return result;
      const { next_action: action, client_secret: secret } = intent;
      if (action?.redirect_to_url?.url) return leaveTo(action.redirect_to_url.url);
      const sdk = /** @type {{stripe_js: string}} */ (action?.use_stripe_sdk);
      const { pathname, search } = new URL(sdk.stripe_js, ORIGIN);
      const completed = await showChallenge(pathname + search);
      if (!completed) await this.#api.giveUp(secret ?? "");
      const after = await this.#api.retrieve(secret ?? "");
      if (after.error || !UNPAID.includes(after.paymentIntent.status)) return after;
      return { error: paymentError(after.paymentIntent) };
    }
  }

  /** @param {unknown} key */
  const checkKey = (key) => {
    if (typeof key !== "string") {
      throw new IntegrationError("Missing value for Stripe(): apiKey should be a string.");
    }
    if (key === "") {
      throw new IntegrationError(
        "Please call Stripe() with your publishable key. You used an empty string.",
      );
    }
    if (/^(sk|rk)_/.test(key)) {
      throw new IntegrationError(
        "You should not use your secret key with Stripe.js. Please pass a publishable key instead.",
      );
    }
    if (!/^pk_(test|live)_/.test(key)) {
      throw new IntegrationError(
        "Invalid value for Stripe(): apiKey should be a publishable key, pk_….",
      );
    }
  };

  /** @type {(key: string, options?: StripeConstructorOptions) => StripeSubset} */
  const construct = (key) => {
    checkKey(key);
    return new SandboxStripe(key);
  };

  window.Stripe = /** @type {StripeConstructor} */ (construct);
})();

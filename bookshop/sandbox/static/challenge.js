// @ts-check
/**
 * The bank's page of the sandbox: the customer completes or fails 3-D Secure.
 *
 * In a frame of the shop's page (`parent` in the address) it sends that page a message when the
 * customer has decided; as a page of its own it redirects to the shop's `return_url`.
 */

const query = new URLSearchParams(window.location.search);
const parentOrigin = query.get("parent");
const clientSecret = query.get("client_secret") ?? "";
const key = query.get("key") ?? "";
const intentId = window.location.pathname.split("/").pop() ?? "";
const intentUrl = `/v1/payment_intents/${intentId}`;

const buttons = /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("button"));
const amount = /** @type {HTMLOutputElement} */ (document.querySelector("#amount"));
const problem = /** @type {HTMLElement} */ (document.querySelector("#problem"));

/**
 * @param {string} url
 * @param {RequestInit} [init]
 * @returns {Promise<any>} the answer
 * @throws {Error} with a message for the customer
 */
const call = async (url, init) => {
  const response = await fetch(url, init);
  const body = await response.json();
  if (!response.ok)
    throw new Error(body.error?.message ?? `The sandbox responded with ${response.status}.`);
  return body;
};

const retrieve = () =>
  call(`${intentUrl}?${new URLSearchParams({ key, client_secret: clientSecret })}`);

const showAmount = async () => {
  const intent = await retrieve();
  const format = new Intl.NumberFormat(navigator.language, {
    style: "currency",
    currency: intent.currency,
  });
  const decimals = format.resolvedOptions().maximumFractionDigits ?? 2;
  amount.textContent = format.format(intent.amount / 10 ** decimals);
};

/** @param {string} returnUrl */
const goBack = async (returnUrl) => {
  const intent = await retrieve();
  const url = new URL(returnUrl);
  url.searchParams.set("payment_intent", intent.id);
  url.searchParams.set("payment_intent_client_secret", clientSecret);
  url.searchParams.set(
    "redirect_status",
    intent.status === "requires_payment_method" ? "failed" : "succeeded",
  );
  window.location.assign(url);
};

/** @param {'authorize' | 'fail'} outcome */
const answer = async (outcome) => {
  const returnUrl = query.get("return_url");
  const body = new URLSearchParams({ key, client_secret: clientSecret, outcome });
  for (const button of buttons) button.disabled = true;
  try {
    await call(`${intentUrl}/challenge`, { method: "POST", body });
    if (parentOrigin) window.parent.postMessage({ type: "challenged" }, parentOrigin);
    else if (returnUrl) await goBack(returnUrl);
  } catch (error) {
    problem.textContent = String(error instanceof Error ? error.message : error);
    for (const button of buttons) button.disabled = false;
  }
};

const authorize = /** @type {HTMLButtonElement} */ (
  document.querySelector("#test-source-authorize-3ds")
);
const fail = /** @type {HTMLButtonElement} */ (document.querySelector("#test-source-fail-3ds"));
authorize.addEventListener("click", () => answer("authorize"));
fail.addEventListener("click", () => answer("fail"));
document.addEventListener("keydown", ({ key: pressed }) => {
  if (pressed === "Escape") fail.click();
});

if (parentOrigin) window.parent.postMessage({ type: "hello" }, parentOrigin);
authorize.focus();
showAmount().catch((error) => {
  problem.textContent = error.message;
});

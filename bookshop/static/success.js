// @ts-check
/**
 * Look again from time to time, while the payment's outcome is not known.
 *
 * The pauses grow, so that a page left open does not trouble anybody.
 */

const PAUSES = [3, 5, 10, 20, 40, 60, 120]; // seconds
const KEY = `looked:${location.search}`;

const looked = Number(sessionStorage.getItem(KEY) ?? "0");
if (looked < PAUSES.length) {
  setTimeout(() => {
    sessionStorage.setItem(KEY, String(looked + 1));
    location.reload();
  }, PAUSES[looked] * 1000);
}

// @ts-check
/**
 * Reloads the page while the outcome of the payment is unknown.
 *
 * The pauses grow, and reloading ends, so that a page left open causes little load.
 */

const PAUSES = [3, 5, 10, 20, 40, 60, 120]; // seconds
const KEY = `reloads:${location.search}`;

const reloads = Number(sessionStorage.getItem(KEY) ?? "0");
if (reloads < PAUSES.length) {
  setTimeout(() => {
    sessionStorage.setItem(KEY, String(reloads + 1));
    location.reload();
  }, PAUSES[reloads] * 1000);
}

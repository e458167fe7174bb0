// @ts-check
/**
 * One labelled input of the Payment Element. It formats the text while the customer types, and shows
 * a problem next to the input, linked for screen readers.
 */

import { brandOf, digitsOf } from "./elements-card.js";

/** @import { Problem } from './elements-card.js' */
/** @import { FieldKind } from './elements-methods.js' */
/** @import { Values } from './elements-methods.js' */

const SEPARATORS = /[\s/-]+$/;

/** @param {string} text */
const significant = (text) => text.replace(/[^0-9a-z]/gi, "").length;

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Partial<HTMLElementTagNameMap[T]>} properties
 * @param {...Node} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export const element = (tag, properties, ...children) => {
  const created = Object.assign(document.createElement(tag), properties);
  created.append(...children);
  return created;
};

export class Field {
  #values;
  /** The API's message about the current values, such as a declined card. */
  #refusal = "";

  /**
   * @param {string} type  the payment method's
   * @param {FieldKind} kind
   * @param {Values} values
   * @param {{changed: () => void, filled: (field: Field) => void}} report
   */
  constructor(type, kind, values, report) {
    this.kind = kind;
    this.#values = values;
    // A card's ids are those of Stripe's own element.
    const id = `payment-${type === "card" ? "" : `${type}-`}${kind.name}`;
    this.input = element("input", {
      id: `${id}Input`,
      name: kind.name,
      className: "Input",
      type: kind.inputMode === "email" ? "email" : "text",
      placeholder: kind.placeholder ?? "",
      inputMode: kind.inputMode ?? "text",
      required: true,
      spellcheck: false,
    });
    this.input.setAttribute("autocomplete", kind.autocomplete);
    this.error = element("p", { id: `${id}Error`, className: "Error", hidden: true });
    this.brand = element("span", { className: "Brand", ariaHidden: "true" });
    this.root = element(
      "div",
      { className: `Field Field--${kind.width ?? "full"}` },
      element("label", { className: "Label", htmlFor: this.input.id, textContent: kind.label }),
      element("div", { className: "Control" }, this.input, this.brand),
      this.error,
    );
    this.input.addEventListener("input", (event) => this.#onInput(event, report));
    this.input.addEventListener("blur", () => this.#onBlur(report));
  }

  get value() {
    return this.input.value;
  }

  set value(value) {
    this.input.value = this.kind.format(value, this.#values);
    this.#showBrand();
  }

  get problem() {
    return this.kind.check(this.value, this.#values);
  }

  /**
   * @param {Event} event
   * @param {{changed: () => void, filled: (field: Field) => void}} report
   */
  #onInput(event, { changed, filled }) {
    const deleting = event instanceof InputEvent && event.inputType.startsWith("delete");
    const caret = this.input.selectionStart ?? this.value.length;
    const atEnd = caret === this.value.length;
    if (this.kind.format(this.value, this.#values) !== this.value)
      this.#rewrite(deleting, caret, atEnd);
    this.#showBrand();
    this.#refusal = "";
    const full = this.kind.isFull?.(this.value) ?? false;
    this.show(full ? this.problem : null);
    if (full && atEnd && !deleting && !this.problem) filled(this);
    changed();
  }

  /**
   * @param {boolean} deleting
   * @param {number} caret
   * @param {boolean} atEnd
   */
  #rewrite(deleting, caret, atEnd) {
    const beforeCaret = significant(this.value.slice(0, caret));
    const formatted = this.kind.format(this.value, this.#values);
    // Backspace would stop at a separator that is added again as soon as it is deleted.
    this.input.value = deleting ? formatted.replace(SEPARATORS, "") : formatted;
    if (atEnd) return;
    let position = 0;
    while (position < this.value.length && significant(this.value.slice(0, position)) < beforeCaret)
      position += 1;
    this.input.setSelectionRange(position, position);
  }

  /** @param {{changed: () => void}} report */
  #onBlur({ changed }) {
    if (this.value && !this.#refusal) this.show(this.problem);
    changed();
  }

  #showBrand() {
    if (this.kind.name !== "number") return;
    const { name, label } = brandOf(digitsOf(this.value));
    this.brand.textContent = label;
    this.brand.dataset.brand = name;
  }

  /** @param {Problem | null} problem */
  show(problem) {
    this.error.textContent = problem?.message ?? "";
    this.error.hidden = !problem;
    this.input.classList.toggle("Input--invalid", problem !== null);
    this.input.setAttribute("aria-invalid", String(problem !== null));
    if (problem) this.input.setAttribute("aria-describedby", this.error.id);
    else this.input.removeAttribute("aria-describedby");
  }

  /** @param {string} message  why these values were refused; it stays until they are changed */
  refuse(message) {
    this.#refusal = message;
    this.show({ code: "refused", message });
  }
}

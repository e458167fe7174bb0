// @ts-check
/**
 * The Appearance API: themes, variables and rules, as CSS custom properties and style rules.
 *
 * Everything goes through the CSS object model, so a value cannot become markup or a second rule,
 * and the page's policy needs no inline styles. https://docs.stripe.com/elements/appearance-api
 */

/** @import { Appearance } from '@stripe/stripe-js' */

/** @type {Record<NonNullable<Appearance['theme']>, Record<string, string>>} */
const THEMES = {
  stripe: {},
  night: {
    colorPrimary: "#85d996",
    colorBackground: "#30313d",
    colorText: "#ffffff",
    colorTextSecondary: "#a9adc1",
    colorTextPlaceholder: "#8b90a5",
    colorDanger: "#fe87a1",
    inputColorBorder: "#45475a",
  },
  flat: {
    colorPrimary: "#0570de",
    colorBackground: "#f1f1f4",
    colorText: "#30313d",
    colorTextSecondary: "#6d6e78",
    inputColorBorder: "transparent",
    borderRadius: "4px",
  },
};

const RULE_SELECTOR =
  /^\.(Input|Label|Error|Method|Tab|AccordionItem|Block)(--[a-z]+)?(::?[a-z-]+)?$/;

/** @param {string} name  camelCase */
const kebab = (name) => name.replace(/[A-Z0-9]+/g, (part) => `-${part.toLowerCase()}`);

const rules = new CSSStyleSheet();
document.adoptedStyleSheets = [rules];

/** @param {NonNullable<Appearance['rules']>} appearanceRules */
const applyRules = (appearanceRules) => {
  rules.replaceSync("");
  for (const [selector, declarations] of Object.entries(appearanceRules)) {
    if (!RULE_SELECTOR.test(selector)) {
      console.warn(`The sandbox does not support an appearance rule for "${selector}".`);
      continue;
    }
    const rule = rules.cssRules[rules.insertRule(`${selector} {}`, rules.cssRules.length)];
    if (!(rule instanceof CSSStyleRule)) continue;
    for (const [name, value] of Object.entries(declarations))
      rule.style.setProperty(kebab(name), value);
  }
};

/** @param {Appearance} appearance */
export const applyAppearance = ({
  theme = "stripe",
  variables = {},
  rules: appearanceRules = {},
  ...rest
}) => {
  const root = document.documentElement;
  root.removeAttribute("style");
  root.dataset.theme = theme;
  root.toggleAttribute("data-still", rest.disableAnimations ?? false);
  for (const [name, value] of Object.entries({ ...THEMES[theme], ...variables })) {
    root.style.setProperty(`--${kebab(name)}`, value);
  }
  applyRules(appearanceRules);
};

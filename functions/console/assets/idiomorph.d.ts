// Types of what the console uses of idiomorph.

export type Options = {
  morphStyle?: "outerHTML" | "innerHTML";
  ignoreActiveValue?: boolean;
  restoreFocus?: boolean;
  callbacks?: {
    beforeNodeMorphed?(old: Node, fresh: Node): boolean;
    beforeAttributeUpdated?(name: string, node: Element, change: "update" | "remove"): boolean;
  };
};

export const Idiomorph: { morph(old: Element, fresh: Element, options?: Options): unknown };

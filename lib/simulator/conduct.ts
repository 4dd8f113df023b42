/** What a holder does with those who fetch from it; all but the first two after `after` pieces to one asker. */
export type Conduct =
  | { readonly kind: 'delivers' }
  /** Gives whatever it is asked for, also what it made up. */
  | { readonly kind: 'invents' }
  | { readonly kind: 'stalls'; readonly after: number }
  | { readonly kind: 'lies'; readonly after: number }
  | { readonly kind: 'changes'; readonly after: number };

/** What a holder does with those who fetch from it; all but the first after `after` pieces to one asker. */
export type Conduct =
  | { readonly kind: 'delivers' }
  | { readonly kind: 'stalls'; readonly after: number }
  | { readonly kind: 'lies'; readonly after: number }
  | { readonly kind: 'changes'; readonly after: number };

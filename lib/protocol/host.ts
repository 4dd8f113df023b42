/** What may stand for a machine in a contact, and how people and URLs write where somebody listens. */

/**
 * Others will put this before a port and dial it: with a slash, a colon or an at sign in it they would dial something else. An IPv6 address
 * has two colons at least, which `host:port` has not.
 */
const HOST = /^([a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]*:[0-9a-f.]*:[0-9a-f:.]*)$/i;
/** `0.0.0.0`, `::` and other ways to write them: here they mean every address of a machine, to whoever dials them itself. */
const EVERYWHERE = /^[0.:]+$/;

/** Whether `host` is an address or a host name, and nothing else. */
export function isHost(host: string): boolean {
  return HOST.test(host);
}

/** Whether `host` is an address to listen on that nobody can dial: every address of a machine. */
export function isEverywhere(host: string): boolean {
  return EVERYWHERE.test(host);
}

/** `host:port`; the address in brackets where it has colons itself (RFC 3986, 3.2.2). */
export function authority({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

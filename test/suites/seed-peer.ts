/**
 * A peer of seed 004, played byte for byte: what it sends over HTTP and UDP, and how it takes what comes, is its own
 * (python-requests 2.28.1).
 */
import { createHash } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Test } from 'tap';

const HOST = '127.0.0.1';
/** As much of a file as it sends, and takes. */
export const DATAGRAM_BYTES = 10_240;

export class SeedPeer {
  readonly #id: string;
  readonly #server: number;
  readonly #socket: Socket = createSocket('udp4');
  readonly #files = new Map<string, Buffer>();

  constructor(id: string, server: number) {
    this.#id = id;
    this.#server = server;
  }

  /** Opens its UDP port, where it answers whoever names a path of its own, and beats for the first time. */
  async start(t: Test): Promise<this> {
    this.#socket.on('message', (path, { port, address }) => {
      const content = this.#files.get(path.toString('utf8'));
      if (content !== undefined) this.#socket.send(content.subarray(0, DATAGRAM_BYTES), port, address);
    });
    this.#socket.bind(0, HOST);
    await once(this.#socket, 'listening');
    t.teardown(() => this.#socket.close());
    await this.beat();
    return this;
  }

  /** What it does every five seconds; it ignores the answer. */
  async beat(): Promise<void> {
    await this.#call('POST', '/heartbeat', 'Content-Type: application/json', `{"peer_id": "${this.#id}"}`);
  }

  /** `-l`: what it prints. */
  async list(): Promise<unknown> {
    return (await this.#call('GET', '/resource')).data;
  }

  /** `-u path/name`. */
  async upload(path: string, name: string, content: Buffer): Promise<string> {
    this.#files.set(`${path}/${name}`, content);
    const where = `"peer_ip": "${HOST}", "peer_port": ${this.#socket.address().port}`;
    const what = `"resource_path": "${path}", "resource_name": "${name}", "resource_hash": "${md5(content)}"`;
    const said = await this.#call('POST', '/resource', JSON_TYPE, `{"peer_id": "${this.#id}", ${where}, ${what}}`, true);
    return said.success ? `resource '${name}' uploaded!` : `could not upload, server said: '${said.data}'!`;
  }

  /** `-d name`: what it prints, and what it has then. */
  async download(name: string): Promise<{ readonly printed: string; readonly content?: Buffer }> {
    const said = await this.#call('GET', '/resource', JSON_TYPE, `{"resource_name": "${name}"}`);
    if (!said.success) return { printed: `could not download, server said: ${said.data}` };
    if (typeof said.data !== 'string') throw new TypeError('the JSON object must be str');
    const record = JSON.parse(said.data);
    if (Object.keys(record).length === 0) return { printed: `no peers found for resource '${name}'!` };
    if (typeof record.peer_port !== 'number') throw new TypeError('an integer is required');
    const content = await this.#fetched(`${record.resource_path}/${record.resource_name}`, record.peer_port, record.peer_ip);
    if (content.length === 0) return { printed: `it looks like peer '${record.peer_ip}:${record.peer_port}' is not responding` };
    const isWhole = md5(content) === record.resource_hash;
    return { printed: isWhole ? `resource '${record.peer_ip}_${name}' downloaded` : 'hash is incorrect', content };
  }

  async #fetched(path: string, port: number, address: string): Promise<Buffer> {
    const socket = createSocket('udp4');
    socket.bind(0, HOST);
    socket.send(path, port, address);
    const [content] = await once(socket, 'message');
    socket.close();
    return content;
  }

  /** One call on a connection of its own; `inParts`: the body comes in a segment of its own. */
  async #call(method: string, path: string, type?: string, body = '', inParts = false) {
    const fields = ['User-Agent: python-requests/2.28.1', 'Accept-Encoding: gzip, deflate', 'Accept: */*', 'Connection: keep-alive'];
    const content = type === undefined ? [] : [type, `Content-Length: ${Buffer.byteLength(body)}`];
    const head = [`${method} ${path} HTTP/1.1`, `Host: ${HOST}:${this.#server}`, ...fields, ...content, '', ''].join('\r\n');
    const socket = connect({ host: HOST, port: this.#server, noDelay: true });
    if (inParts) {
      await new Promise((resolve) => socket.write(head, resolve));
      socket.write(body);
    } else {
      socket.write(head + body);
    }
    let said = '';
    for await (const chunk of socket.setEncoding('utf8')) {
      said += chunk;
      const [, length, got] = /^content-length: (\d+)\r\n[\s\S]*?\r\n\r\n([\s\S]*)$/im.exec(said) ?? [];
      if (got !== undefined && Buffer.byteLength(got) >= Number(length)) break;
    }
    const answer = JSON.parse(said.slice(said.indexOf('\r\n\r\n')));
    if (typeof answer !== 'object' || !('success' in answer && 'data' in answer)) throw new Error(`KeyError: ${said}`);
    return answer as { readonly success: boolean; readonly data: unknown };
  }
}

const JSON_TYPE = 'content-type: application/json; charset=utf-8';

function md5(content: Buffer): string {
  return createHash('md5').update(content).digest('hex');
}

/** Both ends of a connection as a balancer tells of it. */
export interface Told {
  readonly source: string;
  readonly target?: string;
  readonly port?: number;
}

/** Version 1, as HAProxy (`send-proxy`) and nginx write it. */
export function lineHeader({ source, target = source, port = 40_000 }: Told): Buffer {
  return Buffer.from(`PROXY ${source.includes(':') ? 'TCP6' : 'TCP4'} ${source} ${target} ${port} 2525\r\n`);
}

/** Version 2 by its bytes; `block` is what stands behind the length, which is that of the block where none is given. */
export function binaryHeader(
  block: Buffer,
  {
    command = 0x21,
    transport = 0x11,
    length = block.length,
  }: { command?: number; transport?: number; length?: number } = {},
): Buffer {
  const fixed = Buffer.from('\r\n\r\n\0\r\nQUIT\n....', 'latin1');
  fixed.writeUInt8(command, 12);
  fixed.writeUInt8(transport, 13);
  fixed.writeUInt16BE(length, 14);
  return Buffer.concat([fixed, block]);
}

/** The block of TCP over IPv4 (4 bytes each) or IPv6 (16), with what a balancer adds behind it. */
export function addressBlock(source: Buffer, port: number, added: Buffer = Buffer.alloc(0)): Buffer {
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(port, 0);
  ports.writeUInt16BE(2525, 2);
  return Buffer.concat([source, Buffer.alloc(source.length, 9), ports, added]);
}

import { constants, crc32, deflateRawSync } from 'node:zlib';

interface ZipEntry {
  readonly name: string;
  /** Deflated content. */
  readonly data: Uint8Array;
  /** What the headers say the content unpacks to, true or not. */
  readonly plainBytes: number;
}

/** A zip of one entry, byte by byte, so that its name and sizes may be ones that no zip tool would write. */
export function zipOf({ name, data, plainBytes }: ZipEntry, crc = 0): Buffer {
  const fileName = Buffer.from(name, 'latin1');
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0);
  common.writeUInt16LE(8, 4);
  common.writeUInt32LE(crc, 10);
  common.writeUInt32LE(data.length, 14);
  common.writeUInt32LE(plainBytes, 18);
  common.writeUInt16LE(fileName.length, 22);
  const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, fileName, data]);
  const directory = Buffer.concat([
    Buffer.from('PK\x01\x02\x14\x00', 'latin1'),
    common,
    Buffer.alloc(14),
    fileName,
  ]);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, directory, end]);
}

/** An honest zip of a text. */
export function zipOfText(name: string, text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  return zipOf({ name, data: deflateRawSync(bytes), plainBytes: bytes.length }, crc32(bytes));
}

/** Deflated lines that unpack to the given number of MiB, about a thousandfold. */
export function deflatedBomb(mebibytes: number): Uint8Array {
  const lines = Buffer.alloc(1 << 20, '34200000,1,1,1,1,1\n', 'latin1');
  const block = deflateRawSync(lines, { level: 9, finishFlush: constants.Z_FULL_FLUSH });
  return Buffer.concat([...Array.from({ length: mebibytes }, () => block), deflateRawSync(Buffer.alloc(0))]);
}

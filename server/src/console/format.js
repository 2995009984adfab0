// How times, sizes, bytes and close codes are written.

const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hourCycle: "h23",
});

export const time = (date) => clock.format(date);

const minutes = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

export const minute = (date) => minutes.format(date);

/** A number of bytes: `512 B`, `1.5 KiB`, `16 MiB`. */
export function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  const [unit, name] = bytes < 1024 ** 2 ? [1024, "KiB"] : [1024 ** 2, "MiB"];
  const value = bytes / unit;
  return `${value < 100 ? Number(value.toFixed(1)) : Math.round(value)} ${name}`;
}

export const count = (n, noun) => `${n.toLocaleString()} ${noun}${n === 1 ? "" : "s"}`;

/** Lines of an offset, sixteen bytes in hexadecimal, and the same bytes as ASCII. */
export function hex(bytes) {
  const lines = [];
  for (let offset = 0; offset < bytes.length; offset += 16) {
    const row = [...bytes.subarray(offset, offset + 16)];
    const digits = row.map((byte) => byte.toString(16).padStart(2, "0"));
    const halves = `${digits.slice(0, 8).join(" ")}  ${digits.slice(8).join(" ")}`;
    const ascii = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·"));
    lines.push(`${offset.toString(16).padStart(4, "0")}  ${halves.padEnd(48)}  ${ascii.join("")}`);
  }
  return lines.join("\n");
}

/** What a close code says (RFC 6455 section 7.4.1, and those of SockJS), or nothing for those an application chose. */
export const closeMeaning = (code) => CLOSE_MEANINGS[code] ?? "";

const CLOSE_MEANINGS = {
  1000: "normal",
  1001: "going away",
  1002: "protocol error",
  1003: "unsupported data",
  1005: "no code was given",
  1006: "ended without a close frame",
  1007: "not UTF-8",
  1008: "policy violation",
  1009: "message too big",
  1010: "extension missing",
  1011: "internal error",
  1012: "service restart",
  1013: "try again later",
  1014: "bad gateway",
  1015: "TLS failed",
  2000: "no transport works",
  2010: "another receiver is attached",
};

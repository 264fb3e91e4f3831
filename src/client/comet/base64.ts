/**
 * Text as base64 of its UTF-8 and back.
 *
 * Owns what pages rely on besides the standard: line breaks become `\n`, and whatever is no base64 is passed over, so that
 * what was folded or lost its padding can be read all the same. Pure.
 */
export const Base64 = {
  encode(text: string): string {
    const bytes = new TextEncoder().encode(text.replace(/\r\n/g, '\n'))
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
  },

  decode(base64: string): string {
    const digits = base64.replace(/[^A-Za-z0-9+/]/g, '')
    // One digit over is six bits of nothing.
    const whole = digits.length % 4 === 1 ? digits.slice(0, -1) : digits
    return new TextDecoder().decode(Uint8Array.from(atob(whole), (char) => char.charCodeAt(0)))
  },
}

/** A list of 32-bit whole numbers that doubles in place; the memory of its old self is free at once. */
export class GrowingInts {
  length = 0;
  items: Int32Array<ArrayBuffer>;

  constructor(first: number) {
    this.items = new Int32Array(first);
  }

  push(value: number): void {
    if (this.length === this.items.length) {
      this.items = new Int32Array(this.items.buffer.transfer(this.items.byteLength * 2));
    }
    this.items[this.length] = value;
    this.length += 1;
  }

  /** The numbers in an array of just their length; the list must not be used again. */
  take(): Int32Array<ArrayBuffer> {
    return new Int32Array(this.items.buffer.transfer(this.length * 4));
  }

  takeUnsigned(): Uint32Array<ArrayBuffer> {
    return new Uint32Array(this.items.buffer.transfer(this.length * 4));
  }
}

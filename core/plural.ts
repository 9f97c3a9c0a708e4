/** `1 instance`, `2 instances` */
export function counted(count: number, word: string): string {
  return `${count} ${plural(count, word)}`;
}

export function plural(count: number, word: string): string {
  return count === 1 ? word : `${word}s`;
}

/**
 * Takes paths and gives paths. Messages and module names use slashes on every system. Never touches the disk
 * (`resolve` asks for the working directory only).
 */
import nodePath from "node:path";

/** What separates folders on this system. */
export const SEPARATOR: string = nodePath.sep;

/** Joins parts of a path. */
export function join(...parts: string[]): string {
  return nodePath.join(...parts);
}

/** An absolute path. */
export function resolve(...parts: string[]): string {
  return nodePath.resolve(...parts);
}

/** The folder of a path. */
export function dirname(path: string): string {
  return nodePath.dirname(path);
}

/** The last part of a path. */
export function basename(path: string): string {
  return nodePath.basename(path);
}

/** The path as seen from a folder, with slashes. */
export function relative(from: string, to: string): string {
  return nodePath.relative(from, to).replaceAll("\\", "/");
}

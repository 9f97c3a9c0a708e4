/** Where things stand in the account's private bucket. Objects named by their sha256 never change. */
export const SWEEP_KEY = "sweeps/last";

export const annexPrefix = (annex: string): string => `annexes/${annex}/`;
/** Claimed once with If-None-Match: which pool this annex name belongs to. */
export const ownerKey = (annex: string): string => `${annexPrefix(annex)}owner`;
/** The manifest, written last: what a node needs to know and the sha256 of the rest. */
export const manifestKey = (annex: string): string => `${annexPrefix(annex)}annex.ini`;
export const configKey = (annex: string, sha256: string): string =>
  `${annexPrefix(annex)}config/${sha256}.tar.gz`;
export const credentialKey = (annex: string, sha256: string): string =>
  `${annexPrefix(annex)}credential/${sha256}`;
/** The node's executable, for images that don't carry it. */
export const programKey = (sha256: string): string => `bin/${sha256}/updraft-bootstrap`;
export const reportsPrefix = (annex: string): string => `reports/${annex}/`;
/** Written by the node itself; the session id is `<role id>:<instance id>`. */
export const reportKey = (annex: string, sessionId: string): string => `${reportsPrefix(annex)}${sessionId}`;

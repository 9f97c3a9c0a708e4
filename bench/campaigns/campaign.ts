export type CampaignOptions = {
  readonly size: number;
  readonly seed: number;
  /** File of results so far, one JSON line each; a campaign goes on after what stands there. */
  readonly out?: string;
  /** Directory of recorded jobs, for the campaign that uses some. */
  readonly traces?: string;
};

/** Something that is too long for `npm test`, which runs it at a small size. */
export type Campaign = {
  readonly name: string;
  readonly summary: string;
  readonly fullSize: number;
  /** Prints progress, and returns the table. */
  run(options: CampaignOptions): Promise<string>;
};

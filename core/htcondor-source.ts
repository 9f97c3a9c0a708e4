/** Where HTCondor's packages come from on an image without them; bootstrap/image/install.sh takes the same. */
export const HTCONDOR_SOURCE = /^(distribution|https?:\/\/[A-Za-z0-9.:-]+(\/[A-Za-z0-9._-]+)+)$/;

export const HTCONDOR_SOURCE_RULE =
  "distribution, or an address of HTCondor's repository with its channel, such as https://htcss-downloads.chtc.wisc.edu/repo/25.0";

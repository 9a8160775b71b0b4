/** A call that is no admission review: nobody can be answered in one. */
export class ReviewError extends Error {
  override readonly name = 'ReviewError';
  readonly code: 'MALFORMED_REVIEW' | 'UNSUPPORTED_MEDIA_TYPE';
  /** HTTP status of the answer. */
  readonly status: 400 | 415;

  private constructor(
    code: ReviewError['code'],
    status: ReviewError['status'],
    why: string,
    options?: ErrorOptions,
  ) {
    super(`Cannot read the AdmissionReview: ${why}`, options);
    this.code = code;
    this.status = status;
  }

  static malformed(why: string, options?: ErrorOptions): ReviewError {
    return new ReviewError('MALFORMED_REVIEW', 400, why, options);
  }

  static mediaType(contentType: string | undefined): ReviewError {
    const shown = JSON.stringify((contentType ?? '').slice(0, LONGEST_SHOWN));
    return new ReviewError('UNSUPPORTED_MEDIA_TYPE', 415, `wanted "application/json", got ${shown}`);
  }
}

/** Anybody may call: what he sent shall not fill the log. */
const LONGEST_SHOWN = 100;

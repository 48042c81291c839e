/** Characters. Hashing a longer one would cost more than it protects. */
export const MAX_PASSWORD_LENGTH = 1_024;

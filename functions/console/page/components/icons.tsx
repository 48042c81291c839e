/** The mark: a frame of twelve header bytes, and its body on the way out. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
      <rect class="mark-ground" width="24" height="24" rx="6" />
      <path class="mark-lines" d="M5 7.5h9M5 12h6M5 16.5h9M14.5 9l4 3-4 3" />
    </svg>
  );
}

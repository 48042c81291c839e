/** esbuild gathers imported styles into the page's one style sheet. */
declare module '*.css';

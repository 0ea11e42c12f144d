"""From bytes to rows: encodings, delimiters, headings and cells, without a word about what they mean."""

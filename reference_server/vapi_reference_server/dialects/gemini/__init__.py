"""The Gemini API: `generateContent` and `streamGenerateContent`."""

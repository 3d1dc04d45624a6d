package dev.millrace.server.dialogue;

/** Finds a marker in characters as they come (Knuth, Morris and Pratt 1977). */
final class MarkerSearch {

    private final String marker;
    private final int[] fallback; // after i characters: the longest shorter prefix they end with
    private int matched;

    /** @param marker at least one character */
    MarkerSearch(String marker) {
        this.marker = marker;
        fallback = new int[marker.length() + 1];
        for (int length = 1; length < marker.length(); length++) {
            fallback[length + 1] = next(fallback[length], marker.charAt(length));
        }
    }

    private int next(int length, char character) {
        int matching = length;
        while (matching > 0 && marker.charAt(matching) != character) {
            matching = fallback[matching];
        }
        return marker.charAt(matching) == character ? matching + 1 : 0;
    }

    /** Takes a character. @return whether the marker is complete; then it starts anew */
    boolean accept(char character) {
        matched = next(matched, character);
        if (matched == marker.length()) {
            matched = 0;
            return true;
        }
        return false;
    }

    /** How many of the last characters may be the beginning of the marker. */
    int matched() {
        return matched;
    }
}

package dev.millrace.models.template;

import java.util.Arrays;

/** Joins texts, keeps what is trusted in them, and pays for every character. */
final class TextBuilder {

    private final Rendering rendering;
    private final StringBuilder characters = new StringBuilder();
    private int[] flips = new int[8];
    private int flipCount;
    private boolean startsTrusted = true;
    private boolean endsTrusted = true;

    TextBuilder(Rendering rendering) {
        this.rendering = rendering;
    }

    int length() {
        return characters.length();
    }

    /** Appends text of the template's own. */
    TextBuilder append(String text) {
        if (!text.isEmpty()) {
            reserve(text.length());
            turn(true);
            characters.append(text);
        }
        return this;
    }

    TextBuilder append(Text text) {
        if (text.isEmpty()) {
            return this;
        }
        reserve(text.length());
        turn(text.startsTrusted());
        int start = characters.length();
        for (int flip : text.flips()) {
            addFlip(start + flip);
        }
        characters.append(text.value());
        endsTrusted = text.endsTrusted();
        return this;
    }

    Text toText() {
        return new Text(characters.toString(), Arrays.copyOf(flips, flipCount), startsTrusted,
                false);
    }

    private void reserve(int more) {
        rendering.checkText((long) characters.length() + more);
        rendering.chargeText(more);
    }

    private void turn(boolean trusted) {
        if (characters.isEmpty()) {
            startsTrusted = trusted;
        } else if (endsTrusted != trusted) {
            addFlip(characters.length());
        }
        endsTrusted = trusted;
    }

    private void addFlip(int position) {
        if (flipCount == flips.length) {
            flips = Arrays.copyOf(flips, 2 * flipCount);
        }
        flips[flipCount++] = position;
    }
}

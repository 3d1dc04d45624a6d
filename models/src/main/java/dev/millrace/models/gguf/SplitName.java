package dev.millrace.models.gguf;

import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The name of one part of a model that is split over files.
 *
 * @param number of this part, from 1
 * @param count  of all parts
 */
record SplitName(Path folder, String stem, int number, int count) {

    /** What names look like, for messages. */
    static final String PATTERN = "NAME-00001-of-00003.gguf";

    private static final Pattern FILE_NAME = Pattern
            .compile("(.+)-(\\d{5})-of-(\\d{5})\\.gguf", Pattern.DOTALL);

    /** Takes a path apart; empty if its last name is not that of a part. */
    static Optional<SplitName> of(Path path) {
        Matcher matcher = FILE_NAME.matcher(String.valueOf(path.getFileName()));
        if (!matcher.matches()) {
            return Optional.empty();
        }
        return Optional.of(new SplitName(path.toAbsolutePath().getParent(), matcher.group(1),
                Integer.parseInt(matcher.group(2)), Integer.parseInt(matcher.group(3))));
    }

    /** The path of another part. */
    Path part(int other) {
        return folder.resolve(String.format(Locale.ROOT, "%s-%05d-of-%05d.gguf", stem, other,
                count));
    }
}

package dev.millrace.models.store;

import java.util.List;
import java.util.Optional;

/**
 * What a pull is about to bring, told before the first byte of it.
 *
 * @param name     what the store will call it
 * @param source   the reference
 * @param revision the commit that the source is at, where it has any
 * @param files    what will come
 * @param licence  the terms
 */
public record PullPlan(String name, String source, Optional<String> revision, List<Item> files,
        Licence licence) {

    /**
     * One file.
     *
     * @param bytes  its size; -1 if the source does not say
     * @param sha256 what it must hash to, in hexadecimal digits, where the source says that
     */
    public record Item(String name, long bytes, Optional<String> sha256) {}

    public PullPlan {
        files = List.copyOf(files);
    }

    /** Of all files together; -1 if one is not known. */
    public long bytes() {
        boolean known = files.stream().allMatch(file -> file.bytes() >= 0);
        return known ? files.stream().mapToLong(Item::bytes).sum() : -1;
    }
}

package dev.millrace.models.text;

import java.util.Arrays;

/** Byte strings with a number each, and the longest of them that begins at a place in a text. */
final class ByteTrie {

    static final int NONE = -1;

    private static final int ROOT = 0;
    private static final int BYTES = 256;
    /** A node and a byte are one int. */
    private static final int MAX_NODES = 1 << 23;
    private static final int HASH_FACTOR = 0x9e37_79b1;

    private final int[] first = new int[BYTES];
    /** Open addressing: (node, byte) to node, at most half full. */
    private long[] edges = new long[64];
    private int[] values = new int[16];
    private int nodes = 1;

    ByteTrie() {
        Arrays.fill(first, NONE);
        Arrays.fill(edges, NONE);
        values[ROOT] = NONE;
    }

    /** Adds a string, which is not empty; of equals the first keeps its number. */
    void add(byte[] key, int value) {
        int node = ROOT;
        for (byte b : key) {
            int child = child(node, b);
            node = child == NONE ? grow(node, b) : child;
        }
        values[node] = values[node] == NONE ? value : values[node];
    }

    /** Whether any string begins with this byte. */
    boolean mayBegin(byte b) {
        return first[b & 0xff] != NONE;
    }

    /** The node that follows this one (0 is the first) by a byte, or -1. */
    int child(int node, byte b) {
        if (node == ROOT) {
            return first[b & 0xff];
        }
        long edge = edges[slot(node, b)];
        return edge == NONE ? NONE : (int) edge;
    }

    /** The number of the string that ends at this node, or -1. */
    int value(int node) {
        return values[node];
    }

    /** Where the longest string that begins here ends, or -1; {@link #find} tells its number. */
    int longestEnd(byte[] text, int from, int limit) {
        int node = first[text[from] & 0xff];
        int end = NONE;
        for (int at = from + 1; node != NONE; at++) {
            end = values[node] != NONE ? at : end;
            node = at < limit ? child(node, text[at]) : NONE;
        }
        return end;
    }

    /** The number of a string, or -1. */
    int find(byte[] text, int from, int to) {
        int node = ROOT;
        for (int at = from; at < to && node != NONE; at++) {
            node = child(node, text[at]);
        }
        return node == NONE ? NONE : values[node];
    }

    private int grow(int node, byte b) {
        if (nodes == MAX_NODES) {
            throw new IllegalArgumentException("the pieces have more than " + MAX_NODES
                    + " different beginnings");
        }
        if (4 * nodes > edges.length) {
            long[] old = edges;
            edges = new long[2 * old.length];
            Arrays.fill(edges, NONE);
            for (long edge : old) {
                if (edge != NONE) {
                    edges[slot((int) (edge >>> 40), (byte) (edge >>> 32))] = edge;
                }
            }
        }
        if (nodes == values.length) {
            values = Arrays.copyOf(values, 2 * nodes);
        }
        values[nodes] = NONE;
        if (node == ROOT) {
            first[b & 0xff] = nodes;
        } else {
            edges[slot(node, b)] = ((long) node << 8 | b & 0xff) << 32 | nodes;
        }
        return nodes++;
    }

    private int slot(int node, byte b) {
        int key = node << 8 | b & 0xff;
        int slot = (key ^ key >>> 15) * HASH_FACTOR >>> 8 & edges.length - 1;
        while (edges[slot] != NONE && (int) (edges[slot] >>> 32) != key) {
            slot = slot + 1 & edges.length - 1;
        }
        return slot;
    }
}

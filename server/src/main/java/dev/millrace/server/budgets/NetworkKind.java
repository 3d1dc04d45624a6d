package dev.millrace.server.budgets;

import java.net.Inet4Address;
import java.net.InetAddress;

/** Who is behind an address, by IANA's special-purpose registries (RFC 6890). */
enum NetworkKind {
    /** Anybody. */
    PUBLIC,
    /** This machine, or a network that others do not reach. */
    PRIVATE,
    /** Nobody in particular, or whoever is on the same cable: clouds keep their secrets there. */
    NEVER;

    private static final int BYTE = 0xff;

    static NetworkKind of(InetAddress address) {
        if (address.isLinkLocalAddress() || address.isAnyLocalAddress()
                || address.isMulticastAddress()) {
            return NEVER;
        }
        if (address.isLoopbackAddress() || address.isSiteLocalAddress()) {
            return PRIVATE;
        }
        byte[] bytes = address.getAddress();
        return address instanceof Inet4Address ? ofVersion4(bytes) : ofVersion6(bytes);
    }

    private static NetworkKind ofVersion4(byte[] bytes) {
        int first = bytes[0] & BYTE;
        int second = bytes[1] & BYTE;
        if (first == 0 || first >= 240) { // "this network", reserved, broadcast
            return NEVER;
        }
        boolean shared = first == 100 && second >= 64 && second < 128; // of providers, 100.64/10
        boolean tests = first == 198 && (second == 18 || second == 19);
        boolean protocols = first == 192 && second == 0 && bytes[2] == 0;
        return shared || tests || protocols ? PRIVATE : PUBLIC;
    }

    private static NetworkKind ofVersion6(byte[] bytes) {
        int first = bytes[0] & BYTE;
        int second = bytes[1] & BYTE;
        boolean unique = (first & 0xfe) == 0xfc; // fc00::/7
        // what stands for an address of version 4, which may be any: ::/8, 64:ff9b::/96, 2002::/16
        boolean carried = first == 0 || first == 0x20 && second == 0x02;
        return unique || carried ? PRIVATE : PUBLIC;
    }
}

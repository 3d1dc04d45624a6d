package dev.millrace.server.files;

import java.io.IOException;

/** Takes the bytes of a part as they come. */
@FunctionalInterface
interface PartSink {

    void write(byte[] buffer, int offset, int length) throws IOException;
}

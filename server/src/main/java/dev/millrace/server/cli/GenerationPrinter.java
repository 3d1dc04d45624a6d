package dev.millrace.server.cli;

import dev.millrace.engine.GenerationEvent.Token;
import dev.millrace.models.text.TokenStreamDecoder;
import java.io.PrintStream;

/** Prints tokens as they come. */
interface GenerationPrinter {

    void token(Token token);

    void end();

    /** As text, whole characters only. */
    static GenerationPrinter ofText(PrintStream out) {
        TokenStreamDecoder decoder = new TokenStreamDecoder();
        return new GenerationPrinter() {
            @Override
            public void token(Token token) {
                out.print(decoder.accept(token.text()));
                out.flush();
            }

            @Override
            public void end() {
                out.println(decoder.finish());
            }
        };
    }

    /** As ids in one line, with commas. */
    static GenerationPrinter ofIds(PrintStream out) {
        return new GenerationPrinter() {
            private boolean first = true;

            @Override
            public void token(Token token) {
                out.print((first ? "" : ",") + token.token());
                out.flush();
                first = false;
            }

            @Override
            public void end() {
                out.println();
            }
        };
    }
}

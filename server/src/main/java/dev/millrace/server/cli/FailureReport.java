package dev.millrace.server.cli;

import dev.millrace.engine.OverloadException;
import dev.millrace.engine.forward.BackendException;
import dev.millrace.kernels.KernelException;
import dev.millrace.models.ModelException;
import dev.millrace.models.store.FileProblems;
import dev.millrace.models.template.TemplateException;
import dev.millrace.server.config.ConfigException;
import dev.millrace.server.http.ServerStartException;
import dev.millrace.server.metering.LedgerException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Says in a line or two why a command failed; the stack trace is for who asks for it. */
final class FailureReport {

    private static final int FAILED = 1;
    private static final int MISUSED = 2;

    private final CommandContext context;

    FailureReport(CommandContext context) {
        this.context = context;
    }

    /** Reports a command line that makes no sense. */
    int usage(ParameterException failure) {
        CommandLine command = failure.getCommandLine();
        print(message(failure));
        if (!UnmatchedArgumentException.printSuggestions(failure, command.getErr())) {
            context.err().println("Try \"" + command.getCommandSpec().qualifiedName()
                    + " --help\".");
        }
        trace(failure);
        return MISUSED;
    }

    private static String message(ParameterException failure) {
        boolean top = failure.getCommandLine().getParent() == null;
        if (top && failure instanceof UnmatchedArgumentException unmatched
                && !unmatched.isUnknownOption()) {
            return "unknown command \"" + unmatched.getUnmatched().getFirst() + "\"";
        }
        return failure.getMessage();
    }

    /** Reports a command that could not do what it was asked to. */
    int execution(Exception failure) {
        if (failure instanceof InterruptedException) {
            print("interrupted");
        } else if (failure instanceof FileSystemException file) {
            print(FileProblems.describe(file));
        } else if (isExpected(failure)) {
            print(failure.getMessage());
        } else {
            print("internal error: " + failure + (context.debug()
                    ? ""
                    : "\nThis is a bug; set MILLRACE_DEBUG=1 to see where it happens."));
        }
        trace(failure);
        return FAILED;
    }

    private static boolean isExpected(Exception failure) {
        return switch (failure) {
            case ModelException e -> true;
            case BackendException e -> true;
            case TemplateException e -> true;
            case OverloadException e -> true;
            case CommandException e -> true;
            case ConfigException e -> true;
            case KernelException e -> true;
            case LedgerException e -> true;
            case ServerStartException e -> true;
            case IllegalArgumentException e -> true;
            case IOException e -> e.getMessage() != null;
            case UncheckedIOException e -> true;
            default -> false;
        };
    }

    private void print(String message) {
        context.out().flush();
        context.err().println("millrace: " + message);
    }

    private void trace(Exception failure) {
        if (context.debug()) {
            failure.printStackTrace(context.err());
        }
    }
}

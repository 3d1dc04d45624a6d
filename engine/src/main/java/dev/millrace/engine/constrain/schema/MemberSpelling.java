package dev.millrace.engine.constrain.schema;

/** How models spell the members of an object where they do not write JSON. */
public enum MemberSpelling {

    /** {@code <parameter=name>}, a line with the value, {@code </parameter>}; texts as they are. */
    MARKUP("<parameter=", ">\n", "\n</parameter>\n", ""),
    /** {@code name=value}, as arguments of a function in Python. */
    PYTHON("", "=", "", ", ");

    private final String open;
    private final String afterName;
    private final String close;
    private final String between;

    MemberSpelling(String open, String afterName, String close, String between) {
        this.open = open;
        this.afterName = afterName;
        this.close = close;
        this.between = between;
    }

    /** What stands before a name. */
    public String open() {
        return open;
    }

    /** What stands between a name and its value. */
    public String afterName() {
        return afterName;
    }

    /** What stands after a value. */
    public String close() {
        return close;
    }

    /** What stands between two members. */
    public String between() {
        return between;
    }

    /** The same as {@link #close()} without the lines' ends around it. */
    public String closingTag() {
        return close.strip();
    }
}

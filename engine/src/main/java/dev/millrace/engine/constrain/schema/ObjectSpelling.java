package dev.millrace.engine.constrain.schema;

import dev.millrace.engine.constrain.Expression;
import dev.millrace.engine.constrain.schema.Shape.Subschema;
import java.util.List;
import java.util.Map;

/** How an object is spelled. */
interface ObjectSpelling {

    /** A member with its name. */
    Expression member(String name, List<Subschema> schemas);

    /**
     * A member that nobody names.
     *
     * @param named   those that are named
     * @param names   what is said of its name
     * @param schemas what is said of it
     * @return null if such members are not spelled, which is as good as none
     */
    Expression other(Map<String, List<Subschema>> named, List<Subschema> names,
            List<Subschema> schemas);

    /** What stands between two members. */
    Expression between();

    /** All of it, with at least one member. */
    Expression enclosed(Expression members);

    /** All of it, without any. */
    Expression empty();
}

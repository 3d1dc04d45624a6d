package dev.millrace.models;

/** Which layers and experts a role may be asked for. */
final class WeightPlaces {

    private WeightPlaces() {}

    /** @throws IllegalArgumentException if there is no such layer, or no such expert in it */
    static void check(ModelSpec spec, WeightRole role, int layer, int expert) {
        boolean layerFits = role.perLayer()
                ? layer >= 0 && layer < spec.layers()
                : layer == Weights.NO_LAYER;
        if (!layerFits) {
            throw new IllegalArgumentException(role.perLayer()
                    ? role + " needs a layer from 0 to " + (spec.layers() - 1) + ", got " + layer
                    : role + " belongs to no layer, got layer " + layer);
        }
        if (!role.perExpert()) {
            if (expert != Weights.NO_EXPERT) {
                throw new IllegalArgumentException(
                        role + " belongs to no expert, got expert " + expert);
            }
            return;
        }
        ExpertSpec experts = spec.layer(layer).feedForward().experts();
        int count = experts == null ? 0 : experts.count();
        if (experts != null && (expert < 0 || expert >= count)) {
            throw new IllegalArgumentException(
                    role + " needs an expert from 0 to " + (count - 1) + ", got " + expert);
        }
    }
}

"""Libraries to install, out of a target and everything of ours that it needs.

A cc_library holds the objects of its own sources alone, which is right inside of the
repository and of no use outside of it. What is linked from Debian's packages stays
out: whoever uses the library links it too (see clients/cpp/packaging).

    static_archive(
        name = "libholdfast",                   # libholdfast.a
        deps = ["//clients/cpp:holdfast"],
    )

    shared_library(
        name = "holdfast",                      # libholdfast.so
        soname = "libholdfast.so.1",
        version_script = "symbols.lds",         # what of it is seen from outside
        deps = ["//clients/cpp:holdfast"],
    )
"""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

def _linker_inputs(ctx):
    """Returns what deps link, as (ours, others')."""
    every = depset(transitive = [
        dep[CcInfo].linking_context.linker_inputs
        for dep in ctx.attr.deps
    ]).to_list()
    repository = ctx.label.workspace_name
    return (
        [input for input in every if input.owner.workspace_name == repository],
        [input for input in every if input.owner.workspace_name != repository],
    )

def _objects(linker_inputs):
    return depset([
        object
        for input in linker_inputs
        for library in input.libraries
        for object in (library.objects or library.pic_objects)
    ])

def _static_archive_impl(ctx):
    ours, _ = _linker_inputs(ctx)
    objects = _objects(ours)
    archive = ctx.actions.declare_file(ctx.label.name + ".a")
    args = ctx.actions.args()

    # q and not r, which would replace one object by another of the same name; D for
    # the same archive from the same objects.
    args.add("qcsD")
    args.add(archive)
    args.add_all(objects)
    ctx.actions.run(
        executable = find_cpp_toolchain(ctx).ar_executable,
        arguments = [args],
        inputs = objects,
        outputs = [archive],
        mnemonic = "StaticArchive",
    )
    return [DefaultInfo(files = depset([archive]), runfiles = ctx.runfiles(files = [archive]))]

def _shared_library_impl(ctx):
    ours, others = _linker_inputs(ctx)
    objects = _objects(ours)
    script = ctx.file.version_script
    cc_toolchain = find_cpp_toolchain(ctx)
    outputs = cc_common.link(
        actions = ctx.actions,
        name = ctx.label.name,
        feature_configuration = cc_common.configure_features(
            ctx = ctx,
            cc_toolchain = cc_toolchain,
            requested_features = ctx.features,
            unsupported_features = ctx.disabled_features,
        ),
        cc_toolchain = cc_toolchain,
        output_type = "dynamic_library",
        # As objects of its own all of them are linked, and not only what is called.
        compilation_outputs = cc_common.create_compilation_outputs(
            objects = objects,
            pic_objects = objects,
        ),
        linking_contexts = [cc_common.create_linking_context(linker_inputs = depset(others))],
        user_link_flags = [
            "-Wl,-soname," + ctx.attr.soname,
            "-Wl,--version-script," + script.path,
            "-Wl,--no-undefined",
            # gold shows a few functions of the standard library whatever the script says.
            "-fuse-ld=bfd",
        ] + [flag for input in ours for flag in input.user_link_flags],
        additional_inputs = [script],
    )
    library = outputs.library_to_link.resolved_symlink_dynamic_library
    library = library or outputs.library_to_link.dynamic_library
    return [DefaultInfo(files = depset([library]), runfiles = ctx.runfiles(files = [library]))]

_COMMON = {
    "deps": attr.label_list(providers = [CcInfo]),
    "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
}

static_archive = rule(
    implementation = _static_archive_impl,
    attrs = _COMMON,
    incompatible_use_toolchain_transition = True,
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)

shared_library = rule(
    implementation = _shared_library_impl,
    attrs = dict(
        _COMMON,
        soname = attr.string(mandatory = True, doc = "What programs that were linked with it ask for."),
        version_script = attr.label(allow_single_file = True, mandatory = True),
    ),
    fragments = ["cpp"],
    incompatible_use_toolchain_transition = True,
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)

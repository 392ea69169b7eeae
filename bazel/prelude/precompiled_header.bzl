"""A header that GCC parses once, instead of in each file that includes it.

GCC takes test_prelude.h.gch for test_prelude.h, which it finds first among a command's
`-include` files, if both were compiled with the same flags. If they were not, it parses the
header, as it would without this. clang finds such a file only by a path that differs from one
configuration to the next: it gets an empty header.
"""

load("@bazel_tools//tools/build_defs/cc:action_names.bzl", "CPP_COMPILE_ACTION_NAME")
load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

def _impl(ctx):
    toolchain = find_cpp_toolchain(ctx)
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    compiler = cc_common.get_tool_for_action(
        feature_configuration = features,
        action_name = CPP_COMPILE_ACTION_NAME,
    )
    header = ctx.outputs.output
    if "clang" in compiler:
        ctx.actions.write(header, "")
        outputs = [header]
    else:
        ctx.actions.expand_template(template = ctx.file.header, output = header, substitutions = {})
        precompiled = ctx.actions.declare_file(header.basename + ".gch")
        needed = cc_common.merge_cc_infos(
            cc_infos = [dep[CcInfo] for dep in ctx.attr.deps],
        ).compilation_context
        variables = cc_common.create_compile_variables(
            feature_configuration = features,
            cc_toolchain = toolchain,
            output_file = precompiled.path,
            user_compile_flags = ctx.fragments.cpp.copts + ctx.fragments.cpp.cxxopts + ctx.attr.copts,
            system_include_directories = needed.system_includes,
            preprocessor_defines = needed.defines,
        )
        flags = cc_common.get_memory_inefficient_command_line(
            feature_configuration = features,
            action_name = CPP_COMPILE_ACTION_NAME,
            variables = variables,
        )
        ctx.actions.run(
            executable = compiler,
            # Of -x and -c, which the toolchain may put last, the latest counts.
            arguments = flags + ["-x", "c++-header", header.path],
            inputs = depset([header], transitive = [needed.headers, toolchain.all_files]),
            outputs = [precompiled],
            env = cc_common.get_environment_variables(
                feature_configuration = features,
                action_name = CPP_COMPILE_ACTION_NAME,
                variables = variables,
            ),
            mnemonic = "PrecompileHeader",
            progress_message = "Precompiling " + header.short_path,
        )
        outputs = [header, precompiled]
    return [
        DefaultInfo(files = depset(outputs)),
        CcInfo(compilation_context = cc_common.create_compilation_context(headers = depset(outputs))),
    ]

precompiled_header = rule(
    implementation = _impl,
    attrs = {
        "header": attr.label(allow_single_file = True, mandatory = True),
        "output": attr.output(mandatory = True),
        "copts": attr.string_list(doc = "As of the files that include it, for the same macros."),
        "deps": attr.label_list(providers = [CcInfo]),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
    fragments = ["cpp"],
)

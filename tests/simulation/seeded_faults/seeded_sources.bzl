"""Copies of source files with faults seeded in them.

A copy includes the other copies in place of the originals, so a binary that is made of
them has nothing of the originals in it. The originals know nothing of this.
"""

def _impl(ctx):
    copies = [ctx.actions.declare_file("src/" + source.short_path) for source in ctx.files.srcs]
    args = ctx.actions.args()
    args.add("--prefix", ctx.label.package + "/src/")
    args.add("--table", ctx.outputs.table)
    for source, copy in zip(ctx.files.srcs, copies):
        args.add_all([source.short_path, source, copy])
    ctx.actions.run(
        executable = ctx.executable._seed_faults,
        arguments = [args],
        inputs = ctx.files.srcs,
        outputs = copies + [ctx.outputs.table],
        mnemonic = "SeedFaults",
        progress_message = "Seeding faults in %d files" % len(copies),
        use_default_shell_env = True,
    )
    return [DefaultInfo(files = depset(copies + [ctx.outputs.table]))]

seeded_sources = rule(
    implementation = _impl,
    attrs = {
        "srcs": attr.label_list(allow_files = [".h", ".cc"], mandatory = True),
        # A C++ file that lists the faults by name.
        "table": attr.output(mandatory = True),
        "_seed_faults": attr.label(default = ":seed_faults", executable = True, cfg = "exec"),
    },
)

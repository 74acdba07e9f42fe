#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# How the module was compiled and linked: what makes a mistake in it hard to
# use, and what it brings into nginx's process.

###############################################################################

use strict;
use warnings;

use Test::More;

use lib 't/lib';

use Selkies;

my $build = Selkies->build();
my $module = "$build/ngx_http_selkies_module.so";

plan(skip_all => "no module at $module") unless -f $module;

sub check {
	my ($file) = @_;

	my ($name) = $file =~ m!([^/]+)$!;
	my $segments = `readelf -lW $file`;
	my $dynamic = `readelf -dW $file`;
	my $symbols = `readelf -W --dyn-syms $file`;

	like($segments, qr/^ *GNU_RELRO /m, "$name: relocations read-only");
	like($dynamic, qr/BIND_NOW|FLAGS_1.*NOW/, "$name: and all at the start");
	like($segments, qr/^ *GNU_STACK +(?:0x[0-9a-f]+ +){5}RW +/m,
		"$name: no executable stack");
	unlike($segments, qr/^ *LOAD .* RWE /m,
		"$name: nothing both writable and executable");
	like($symbols, qr/ UND __stack_chk_fail/, "$name: stack protector");
	like($symbols, qr/ UND __\w+_chk[@ ]/, "$name: FORTIFY_SOURCE");
	unlike($dynamic, qr/TEXTREL/, "$name: position independent");
	unlike($dynamic, qr/R(?:UN)?PATH/, "$name: no library path of its own");

	return ($dynamic, $symbols);
}

my ($dynamic, $symbols) = check($module);

check("$build/selkies-xvfb");

# nginx loads modules RTLD_GLOBAL: every name of ours would be everybody's

my @visible = $symbols =~ / GLOBAL +DEFAULT +(?!UND)\d+ (\w+)/g;
my %known = map { $_ => 1 } qw/ ngx_http_selkies_module ngx_modules
	ngx_module_names ngx_module_order _edata _end __bss_start /;

is(join(' ', grep { !$known{$_} } @visible), '', 'no other name is visible');

# libraries that nobody calls would be loaded into every worker

my $unused = `ldd -u -r $module 2>/dev/null`;
my @unused = grep { !m!/lib(?:c|m|pthread)\.so! }
	$unused =~ /^\s+(\S+\.so\S*)$/mg;

is("@unused", '', 'no library is linked without need');

done_testing();

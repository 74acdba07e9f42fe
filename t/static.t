#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The module linked into nginx: build/static/nginx, which `make static` makes
# of nginx's own source, all of it under the address and undefined behaviour
# sanitizers.  t/run-all runs the other tests with it.

###############################################################################

use strict;
use warnings;

use Test::More;

use lib 't/lib';

use Selkies;
use Selkies::WebSocket;

my $nginx = Selkies->root() . '/build/static/nginx';

# the programs come from one place, whatever the other tests are run with

my $log = `make --no-print-directory static 2>&1`;

plan(skip_all => $1) if $? && $log =~ /^(no source of nginx: .*)/m;

is($?, 0, 'nginx with the module inside is built') or diag($log);

my $version = `$nginx -V 2>&1`;

like($version, qr/--add-module=/, 'the module is linked in');

my $symbols = `nm -C $nginx`;

like($symbols, qr/ __asan_init$/m, 'under the address sanitizer');
like($symbols, qr/ __ubsan_handle_type_mismatch_v1$/m,
	'and the undefined behaviour sanitizer');

# of ours only what nginx itself looks for is a global name

my @ours = $symbols =~ /^\S+ [TDBR] ((?:ngx_http_)?selkies_\w+)$/mg;

is_deeply([sort @ours], ['ngx_http_selkies_module'],
	'no other name of ours is visible');

###############################################################################

SKIP: {
	skip 'the tests already run with it', 1
		if ($ENV{TEST_NGINX_BINARY} || '') eq $nginx;

	my $output = qx{TEST_NGINX_BINARY=$nginx TEST_SELKIES_MODULE=none \\
		TEST_SELKIES_SANITIZE=built prove t/handshake.t 2>&1};

	is($?, 0, 'it serves') or diag($output);
}

done_testing();

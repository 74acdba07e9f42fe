#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# A module built without x264 and JPEG has no encoder: clients are told, the
# log says it
# once, and nothing else suffers.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use FindBin;

my $sanitized;

BEGIN {
	my $root = "$FindBin::Bin/..";

	$sanitized = $ENV{TEST_SELKIES_SANITIZE};
	$ENV{TEST_SELKIES_MODULE} = "$root/build/nox264/ngx_http_selkies_module.so";
	system("make --no-print-directory -s -C '$root' BUILD=build/nox264 "
		. 'SELKIES_X264=NO SELKIES_JPEG=NO module >/dev/null 2>&1') unless $sanitized;
}

use Selkies;
use Selkies::WebSocket;

plan(skip_all => 'nothing here that other tests have not') if $sanitized;

my $t = Selkies->new(x => '800x600', timeout => 60);

$t->simple();
$t->run();

my $c = Selkies::WebSocket->new($t);

$c->send_text('_ext,{"version":"x","want":["status"]}',
	Selkies::WebSocket::settings(800, 600));
like($c->wait_text(qr/pipeline_status/, 5) || '', qr/"no_encoder"/, 'a client is told');

# two more tries of the engine
$c->run_for(4.5);

is(scalar(() = $t->error_log() =~ /no encoder takes/g), 1, 'the log says it once');
ok($c->round_trip(), 'the socket lives');
like($t->http_get('/api/status'), qr/"state":"no_encoder"/, 'the status says it');
like($t->http_get('/health/ready'), qr/^HTTP\/1.1 503/, 'not ready');
unlike(`ldd $ENV{TEST_SELKIES_MODULE}`, qr/x264|turbojpeg/,
	'x264 and turbojpeg are not linked');

$t->done();

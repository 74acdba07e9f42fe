#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# What a viewer costs the server: a thousand that look at a still desktop,
# memory and processor time, and some that stop reading a heavy stream.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::WebSocket;
use Selkies::X;

use constant { IDLE_KIB => 32, IDLE_PERCENT => 3, STOPPED_KIB => 2048 };

# under a sanitizer nothing is measured, it only has to work

my $n = slower() > 1 ? 100 : 1000;

system('prlimit', "--pid=$$", '--nofile=4096:') == 0
	or plan(skip_all => 'no room for so many sockets');

my $t = Selkies->new(x => '1280x720', timeout => 120);

$t->simple(main => 'worker_rlimit_nofile 4096;',
	location => "selkies_max_viewers $n;");
$t->write_file('nginx.conf', $t->read_file('nginx.conf')
	=~ s/worker_connections 1024/worker_connections 4096/r);

my $x = $t->x_client();

$x->tell('card');
$t->run();

my ($worker) = $t->workers();
my $c = Selkies::WebSocket->controller($t, 1280, 720);

$c->{keep} = 0;
ok($c->wait_quiet(2, 20), 'a desktop that is still');

sub viewers {
	my ($count) = @_;

	return map {
		my $ws = Selkies::WebSocket->new($t);

		$ws->{keep} = 0;
		$ws->send_text('_ext,{"version":"test","want":["status","lite"]}',
			'START_VIDEO');
		$ws;
	} 1 .. $count;
}

sub all_have {
	my (@ws) = @_;

	return $c->wait_until(sub { !grep { !$_->{nframes} } @ws }, 20);
}

sub rest {
	my ($name, $code) = @_;

	SKIP: {
		skip 'no figures under a sanitizer', 1 if slower() > 1;
		$code->($name);
	}
}

###############################################################################
# idle ones

my $memory = $t->anonymous_bytes($worker);
my @idle = viewers($n);

ok(all_have(@idle), "$n viewers have a picture");

my $each = ($t->anonymous_bytes($worker) - $memory) / 1024 / $n;

note(sprintf '%.1f KiB a viewer', $each);
rest('memory of an idle viewer', sub {
	cmp_ok($each, '<=', IDLE_KIB, shift);
});

# as long as statistics are apart, and once more where others were busy

my $percent = 100;

for (1 .. (slower() > 1 ? 0 : 3)) {
	my $cpu = $t->cpu_seconds($worker);
	my $start = clock();

	$c->run_for(5);

	my $now = 100 * ($t->cpu_seconds($worker) - $cpu) / (clock() - $start);

	$percent = $now if $now < $percent;
	last if $percent <= IDLE_PERCENT;
}

note(sprintf '%.2f %% of a core for all of them', $percent);
rest('processor time of all', sub {
	cmp_ok($percent, '<=', IDLE_PERCENT, shift);
});

is(scalar(grep { !$_->is_open() } @idle), 0, 'all are still here');
is(scalar(grep { @{ $_->{errors} } } @idle), 0, 'no protocol error');

# a change is seen by all

$_->{nframes} = 0 for @idle;
$x->draw(100, 100, 40, 40, '30a0f0');
ok(all_have(@idle), 'all see a change');

$_->drop() for @idle;
@idle = ();
ok($c->wait_until(sub {
	return $t->http_get('/api/status') =~ /"watchers":1,/;
}, 20), 'and only one is left');

###############################################################################
# those that stop reading

my @stopped = viewers(4);

ok(all_have(@stopped), 'four more');
$x->tell('motion 60 256 128 640 480');
$c->run_for(1);

$memory = $t->anonymous_bytes($worker);
$_->pause() for @stopped;
$c->run_for(5);

my $held = ($t->anonymous_bytes($worker) - $memory) / 1024 / 4;

note(sprintf '%.0f KiB a viewer that does not read', $held);
rest('memory of a viewer that does not read', sub {
	cmp_ok($held, '<=', STOPPED_KIB, shift);
});

ok($c->round_trip(), 'the controller goes on');
$_->drop() for @stopped;
$x->tell('still');
$c->close();

$t->done();

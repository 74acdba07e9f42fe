#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Somebody else's Xvfb: the framebuffer of -fbdir or -shmem is read in place,
# through resizes and kill -9 of the server, and so that nothing is lost.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Picture;
use Selkies::WebSocket;
use Selkies::X;

# Xvfb leaves its segment behind, however it ends.

sub forget_segments {
	my ($pid) = @_;

	open my $fh, '<', '/proc/sysvipc/shm' or return;

	for (<$fh>) {
		my @f = split;
		system 'ipcrm', '-m', $f[1] if $f[4] eq $pid;
	}
}

for my $kind (qw/ -fbdir -shmem /) {
	my $t = Selkies->new(x => 0, timeout => 120);
	my $folder = $t->dir() . '/screen';

	mkdir $folder;

	# one number for the server and its successor
	my $number = $t->reserve_display();
	my @start = (size => '1600x900', number => $number,
		args => [ $kind, $kind eq '-fbdir' ? $folder : () ]);

	$t->start_x(@start);
	$t->simple(location => $kind eq '-fbdir'
		? "selkies_framebuffer $folder;" : '');
	$t->run();

	my $x = $t->x_client();

	$x->tell('card');

	my $c = Selkies::WebSocket->controller($t, 1280, 720);

	like($t->http_get('/api/status'), qr/"capture":"framebuffer"/,
		"$kind: read in place");

	for my $size ([ 1280, 720 ], [ 801, 601 ], [ 1600, 900 ], [ 1024, 768 ]) {
		my ($w, $h) = map { $_ & ~1 } @$size;

		$c->send_text("r,$size->[0]x$size->[1],primary");
		ok($c->wait_picture(sub { $_[0]->width() == $w
			&& $_[0]->height() == $h && $_[0]->card_distance() <= 4 }, 8),
			"$kind: the card at $w x $h");
	}

	for my $i (1 .. 30) {
		$x->draw(20 * $i, 10 * $i, 30, 30,
			sprintf '%06x', $i * 400009 & 0xffffff);
	}

	for my $i (1, 15, 30) {
		ok($c->wait_pixel(20 * $i + 10, 10 * $i + 5, sprintf('%06x',
			$i * 400009 & 0xffffff), 3, 24), "$kind: change $i is there");
	}

	# X dies; another one has a file or a segment of its own

	my $pid = $t->x_pid();
	my ($worker) = $t->workers();

	$x->quit();
	$t->stop_x('KILL');
	unlink "/tmp/.X$number-lock";
	forget_segments($pid);
	$c->forget();
	$t->start_x(@start);

	# it has the client's size by then: what draws must not miss the change
	ok($c->wait_frame(key => 1, w => 1024, h => 768, timeout => 15),
		"$kind: the next server's first picture");
	$x = $t->x_client();
	$x->tell('card');
	ok($c->wait_picture(sub { $_[0]->card_distance() <= 4 }, 10),
		"$kind: the next server's card");
	like($t->http_get('/api/status'), qr/"capture":"framebuffer"/,
		"$kind: read in place again");
	is(join(' ', $t->workers()), $worker, "$kind: by the same worker");

	$pid = $t->x_pid();
	$c->close();
	$x->quit();
	$t->stop_x();
	forget_segments($pid);
	$t->shutdown();
	is(scalar $t->bad_lines(), 0, "$kind: no alert");
	$t->cleanup();
}

done_testing();
